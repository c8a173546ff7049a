"""One training step, on whichever backend: from a batch to the optimizer's gradients."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from keras import ops

from keras_sam import backend, tensors
from keras_sam.tensors import Batch
from keras_sam.training.batches import batch_size, split
from keras_sam.training.carriers import Outcome
from keras_sam.training.guard import Guard
from keras_sam.training.method_run import MethodRun
from keras_sam.training.oracle import GradientOracle
from keras_sam.training.scope import Scope
from keras_sam.training.weighting import Weighting

if TYPE_CHECKING:
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
    step = _Step(model)
    if model.num_batch_splits in (None, 1):
        outcome = step.whole(batch, batch_size(batch[0]))
    else:
        outcome = step.averaged(batch)
    return step.settled(outcome), {**step.logs, **model.get_metrics_result()}


class _Step:
    """The parts of a step, and what they learn on the way."""

    def __init__(self, model: SAMModel):
        self.model = model
        self.guard = Guard(model)
        self.context = model.context()
        self.weighting = Weighting(model, self.context)
        self.is_connected: list[bool] = []
        self.logs: dict[str, Any] = {}

    def averaged(self, batch: Batch) -> Outcome:
        """Mean over micro-batches of what they do, weighted by size."""
        total = None
        for micro_batch, size in split(batch, self.model.num_batch_splits or 1):
            self.context = self.context.replaced(is_first_part=total is None)
            share = ops.cast(size, "float32") / ops.cast(batch_size(batch[0]), "float32")
            part = self.weighting.share_of(self._micro(micro_batch, size), share)
            total = part if total is None else self.weighting.sum(total, part)
        assert total is not None, "A batch has at least one part."
        return total

    def _micro(self, micro_batch, size):
        if isinstance(size, int):
            return self.whole(micro_batch, size)
        # A batch of unknown size (TensorFlow) may hold fewer examples than micro-batches.
        outcome = ops.cond(size > 0, lambda: self.whole(micro_batch, size), self._nothing)
        self.logs = {}  # Tensors of the branch, of no use outside it.
        return outcome

    def _nothing(self):
        zeros = [ops.zeros(v.shape, v.dtype) for v in self.model.trainable_variables]
        displacement = zeros if self.model.method.descent.displaces else []
        return Outcome(zeros, displacement, tensors.values(self.context.variables))

    def whole(self, batch: Batch, size: Any) -> Outcome:
        """What the method makes of a batch; updates metrics and BatchNorm statistics."""
        model = self.model
        oracle = GradientOracle(model, batch, model.roles, self.guard.loss_scale)
        run = MethodRun(model.method, oracle, self.context)
        with Scope() if self.guard.skips else contextlib.nullcontext() as scope:
            outcome = run.outcome(model.log_sharpness)
            run.first.commit()
            self._measure(run, size)
        self.is_connected = run.first.is_connected
        is_sound = self.guard.is_sound(run.first, outcome)
        if scope is not None:  # What is not finite counts nowhere.
            scope.hand_on(is_sound)
        factor = self.guard.factor_for_optimizer(is_sound)
        if factor is None:
            return outcome
        return outcome._replace(gradients=self.weighting.scaled(outcome.gradients, factor))

    def settled(self, outcome: Outcome) -> Outcome:
        """The outcome for the optimizer; assigns the state, unless the step is skipped."""
        variables = self.context.variables
        state = backend.across_replicas(outcome.state, self.weighting.is_averaged)
        displacement = outcome.displacement
        displacement = backend.across_replicas(displacement, [True] * len(displacement))
        outcome = self.guard.held(
            Outcome(outcome.gradients, displacement, state), tensors.values(variables)
        )
        tensors.assign(variables, outcome.state)
        self.model.count_skipped(outcome.is_made)
        gradients = [
            gradient if is_connected else None
            for gradient, is_connected in zip(outcome.gradients, self.is_connected, strict=True)
        ]
        is_made = outcome.is_made if self.guard.decides else True
        return outcome._replace(gradients=gradients, is_made=is_made)

    def _measure(self, run, size):
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
