"""One training step, on whichever backend: from a batch to the optimizer's gradients."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from keras_sam import backend, tensors
from keras_sam.tensors import Batch, Tensor
from keras_sam.training.batches import after, batch_size, split
from keras_sam.training.carriers import Context, FirstEvaluation, Outcome
from keras_sam.training.guard import Guard
from keras_sam.training.method_run import MethodRun
from keras_sam.training.oracle import GradientOracle
from keras_sam.training.scope import Scope
from keras_sam.training.weighting import Weighting

if TYPE_CHECKING:
    from keras_sam.methods.method import Method
    from keras_sam.model import SAMModel


def batch_update(model: SAMModel, batch: Batch) -> tuple[Outcome, dict[str, Any]]:
    """What a batch does, in micro-batches where the model asks for it.

    Updates the metrics, the BatchNorm statistics and the method's state.

    Args:
        model: The `SAMModel`.
        batch: `(x, y, sample_weight)`.

    Returns:
        The `Outcome`, with `None` for the gradient of a weight on which the loss does not depend,
        and the logs.
    """
    step, parts = _ModelStep(model), backend.own_parts(model.num_batch_splits or 1)
    if parts == 1:
        outcome = step.of_batch(batch, batch_size(batch[0]))
    else:
        outcome = step.averaged(batch, parts)
    return step.settled(outcome), {**step.logs, **model.get_metrics_result()}


class Step:
    """A step of a method, in a `SAMModel` and in a loop of one's own.

    Args:
        method: The `Method`.
        variables: The trainable `keras.Variable`s.
        context: The `Context` over these.
        guard: The `Guard` of the optimizer.

    Attributes:
        first: The `FirstEvaluation` of the latest batch, without its gradients.
        is_connected: List of bools, whether its loss depends on each variable.
    """

    first: FirstEvaluation

    def __init__(self, method: Method, variables: list, context: Context, guard: Guard):
        self.method = method
        self.context = context
        self.guard = guard
        self.weighting = Weighting(method, variables, context)
        self.is_connected: list[bool] = []

    def whole(
        self, oracle: GradientOracle, size: int | Tensor | None = None, measure: bool = False
    ) -> Outcome:
        """What the method makes of the oracle's batch; updates metrics and BatchNorm statistics.

        Args:
            oracle: `GradientOracle` over all trainable weights.
            size: Number of examples, for `observe`. Defaults to `None`.
            measure: As in `MethodRun.outcome`. Defaults to `False`.
        """
        run = MethodRun(self.method, oracle, self.context)
        with Scope() if self.guard.skips else contextlib.nullcontext() as scope:
            outcome = run.outcome(measure)
            run.first.commit()
            self.observe(run, size)
        self.first = run.first.without_gradients()
        self.is_connected = run.first.is_connected
        is_sound = self.guard.is_sound(run.first, outcome)
        if scope is not None:  # What is not finite counts nowhere.
            scope.hand_on(is_sound)
        factor = self.guard.factor_for_optimizer(is_sound)
        if factor is None:
            return outcome
        return outcome._replace(gradients=self.weighting.scaled(outcome.gradients, factor))

    def observe(self, run: MethodRun, size: int | Tensor | None) -> None:
        """Takes from a batch what is to be shown of it."""

    def settled(self, outcome: Outcome) -> Outcome:
        """The outcome for the optimizer; assigns the state, unless the step is skipped."""
        variables = self.context.variables
        outcome = self._agreed(outcome)
        outcome = self.guard.held(outcome, tensors.values(variables))
        tensors.assign(variables, outcome.state)
        gradients = [
            gradient if is_connected else None
            for gradient, is_connected in zip(outcome.gradients, self.is_connected, strict=True)
        ]
        return outcome._replace(gradients=gradients)

    def _agreed(self, outcome: Outcome) -> Outcome:
        """The outcome on which all replicas agree, in one exchange.

        Its gradients the optimizer averages, but between PyTorch's processes, where this does.
        A batch that is kept (sampa) stays the replica's own.
        """
        are_ours = backend.num_processes() > 1
        common = self._common() if are_ours else []
        kept = len(keras.tree.flatten(self.context.state))
        gradients = outcome.gradients if are_ours else []
        parts = [*gradients, *outcome.displacement]
        is_averaged = [True] * len(parts) + self.weighting.is_averaged[:kept]
        is_averaged += [is_mean for _, is_mean in common]
        variables = [variable for variable, _ in common]
        parts += outcome.state[:kept] + tensors.values(variables)
        agreed = iter(backend.across_replicas(parts, is_averaged))
        gradients = [next(agreed) for _ in gradients] or outcome.gradients
        displacement = [next(agreed) for _ in outcome.displacement]
        state = [next(agreed) for _ in range(kept)] + outcome.state[kept:]
        tensors.assign(variables, list(agreed))
        return Outcome(gradients, displacement, state)

    def _common(self) -> list[tuple[keras.Variable, bool]]:
        """Variables that a batch has changed and that processes share: `(variable, is mean)`."""
        seed = self.context.seed
        if seed is None or self.method.policy is None:
            return []
        return [(seed.state, False)]  # Some processes have drawn on this step, others not.


class _ModelStep(Step):
    """The step of a `SAMModel`, with micro-batches and metrics."""

    def __init__(self, model: SAMModel):
        guard = Guard(model.optimizer, model.skip_nonfinite)
        super().__init__(model.method, model.trainable_variables, model.context(), guard)
        self.model = model
        self.logs: dict[str, Any] = {}

    def averaged(self, batch: Batch, parts: int) -> Outcome:
        """Mean over so many micro-batches of what they do, weighted by size."""
        total = None
        for micro_batch, size in split(batch, parts):
            self.context = self.context.replaced(is_first_part=total is None)
            if total is not None:
                micro_batch = after(micro_batch, total.gradients)
            share = ops.cast(size, "float32") / ops.cast(batch_size(batch[0]), "float32")
            part = self.weighting.share_of(self._micro(micro_batch, size), share)
            total = part if total is None else self.weighting.sum(total, part)
            del part  # PyTorch may have its memory for the next one.
        assert total is not None, "A batch has at least one part."
        return total

    def _micro(self, micro_batch: Batch, size: int | Tensor) -> Outcome:
        if isinstance(size, int):
            return self.of_batch(micro_batch, size)
        # A batch of unknown size (TensorFlow) may hold fewer examples than micro-batches.
        outcome = ops.cond(size > 0, lambda: self.of_batch(micro_batch, size), self._nothing)
        self.logs = {}  # Tensors of the branch, of no use outside it.
        return outcome

    def _nothing(self) -> Outcome:
        zeros = [ops.zeros(v.shape, v.dtype) for v in self.model.trainable_variables]
        displacement = zeros if self.model.method.descent.displaces else []
        return Outcome(zeros, displacement, tensors.values(self.context.variables))

    def of_batch(self, batch: Batch, size: int | Tensor | None) -> Outcome:
        """What the method makes of a batch of this size."""
        model = self.model
        oracle = GradientOracle(
            model, batch, model.roles, self.guard.loss_scale, model.sync_perturbation
        )
        return self.whole(oracle, size, model.log_sharpness)

    def _common(self) -> list[tuple[keras.Variable, bool]]:
        """Also the statistics of BatchNorm: their means, so that all go on from the same ones."""
        of_model = {id(variable) for variable in self.model.base_model.non_trainable_variables}
        statistics = [
            (variable, True)
            for variable, _ in self.first.updates
            if id(variable) in of_model and keras.backend.is_float_dtype(variable.dtype)
        ]
        return super()._common() + statistics

    def settled(self, outcome: Outcome) -> Outcome:
        """The outcome for the optimizer, which may look itself at what is to be skipped."""
        outcome = super().settled(outcome)
        self.model.count_skipped(outcome.is_made)
        return outcome if self.guard.decides else outcome._replace(is_made=True)

    def observe(self, run: MethodRun, size: int | Tensor | None) -> None:
        """Counts the batch in the metrics and the measurements."""
        x, y, sample_weight = run.first.batch
        self.model.track_loss(run.first.loss, size)
        self.logs = self.model.compute_metrics(x, y, run.first.predictions, sample_weight)
        for metric in self.model.measurements:
            value, counts = run.measured[metric.name], run.is_active
            if self.guard.is_on:
                # A step that is skipped for an overflow has nothing to show, and a weight of 0
                # would not hide it: 0 times NaN is NaN.
                is_finite = ops.isfinite(value)
                counts = ops.logical_and(counts, is_finite)
                value = ops.where(is_finite, value, ops.zeros_like(value))
            metric.update_state(value, sample_weight=ops.cast(counts, "float32"))
