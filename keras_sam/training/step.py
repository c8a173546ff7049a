"""One training step, on whichever backend: from a batch to the optimizer's gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from keras_sam import backend, tensors
from keras_sam.tensors import Batch, Tensor, Vector
from keras_sam.training.batches import batch_size, split
from keras_sam.training.carriers import Context, FirstEvaluation, Outcome
from keras_sam.training.method_run import MethodRun
from keras_sam.training.oracle import GradientOracle

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
        self.loss_scale = _loss_scale(model.optimizer)
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
        oracle = GradientOracle(model, batch, model.roles, self.loss_scale)
        run = MethodRun(model.method, oracle, self.context)
        outcome = run.outcome(model.log_sharpness)
        run.first.commit()
        self.is_connected = run.first.is_connected
        self._measure(run, size)
        factor = self._factor_for_optimizer(run.first, outcome.displacement)
        if factor is None:
            return outcome
        return outcome._replace(gradients=self.weighting.scaled(outcome.gradients, factor))

    def settled(self, outcome: Outcome) -> Outcome:
        """The outcome for the optimizer; assigns the state, unless loss scaling skips the step."""
        variables = self.context.variables
        state = backend.across_replicas(outcome.state, self.weighting.is_averaged)
        displacement = outcome.displacement
        displacement = backend.across_replicas(displacement, [True] * len(displacement))
        if self.loss_scale is not None and (state or displacement):
            is_finite = self._is_finite_everywhere(outcome.gradients)
            state = [
                ops.where(is_finite, new, old)
                for new, old in zip(state, tensors.values(variables), strict=True)
            ]
            displacement = [ops.where(is_finite, d, ops.zeros_like(d)) for d in displacement]
        tensors.assign(variables, state)
        gradients = [
            gradient if is_connected else None
            for gradient, is_connected in zip(outcome.gradients, self.is_connected, strict=True)
        ]
        return Outcome(gradients, displacement, state)

    def _is_finite_everywhere(self, gradients):
        """Whether no replica has overflowed: all of them keep the state, or none does."""
        flag = ops.cast(tensors.is_finite(gradients), "float32")
        return backend.across_replicas([flag], [True])[0] > 0.999

    def _measure(self, run, size):
        x, y, sample_weight = run.first.batch
        self.model.track_loss(run.first.loss, size)
        self.logs = self.model.compute_metrics(x, y, run.first.predictions, sample_weight)
        for metric in self.model.measurements:
            value, counts = run.measured[metric.name], run.is_active
            if self.loss_scale is not None:
                # A step that loss scaling skips for an overflow has nothing to show, and a weight
                # of 0 would not hide it: 0 times NaN is NaN.
                is_finite = ops.isfinite(value)
                counts = ops.logical_and(counts, is_finite)
                value = ops.where(is_finite, value, ops.zeros_like(value))
            metric.update_state(value, sample_weight=ops.cast(counts, "float32"))

    def _factor_for_optimizer(
        self, first: FirstEvaluation, displacement: Vector
    ) -> Tensor | float | None:
        """What Keras expects on its gradients: its loss scale, and its share for this replica.

        What overflowed elsewhere shows in the gradients as well, so that the loss scaling skips
        the step.
        """
        replicas = backend.num_replicas()
        if self.loss_scale is None:
            return None if replicas == 1 else 1.0 / replicas
        scale = self.loss_scale / replicas
        is_finite = first.is_finite
        if displacement:
            is_finite = ops.logical_and(is_finite, tensors.is_finite(displacement))
        return ops.where(is_finite, scale, ops.full_like(scale, float("nan")))


class Weighting:
    """Weighted sums of outcomes.

    Args:
        model: The `SAMModel`.
        context: The `Context` of its method.
    """

    def __init__(self, model: SAMModel, context: Context):
        self.is_next_value = [v.overwrite_with_gradient for v in model.trainable_variables]
        slots = model.method.slots()
        averaged = {
            name: keras.tree.map_structure(lambda _, name=name: slots[name].is_averaged, entry)
            for name, entry in context.state.items()
        }
        # As `Context.variables` has them: flattened, then the batch that is kept.
        flat = keras.tree.flatten(averaged)
        self.is_averaged = flat + [False] * (len(context.variables) - len(flat))

    def scaled(self, gradients: Vector, factor: Tensor | float) -> Vector:
        """`factor` times the gradients, but for those that are their variable's next value."""
        return [
            gradient if is_next_value else gradient * ops.cast(factor, gradient.dtype)
            for gradient, is_next_value in zip(gradients, self.is_next_value, strict=True)
        ]

    def share_of(self, outcome: Outcome, share: Tensor) -> Outcome:
        """A micro-batch's share of the mean."""
        state = [
            value * ops.cast(share, value.dtype) if is_averaged else value
            for value, is_averaged in zip(outcome.state, self.is_averaged, strict=True)
        ]
        displacement = tensors.scale(outcome.displacement, share)
        return Outcome(self.scaled(outcome.gradients, share), displacement, state)

    def sum(self, left: Outcome, right: Outcome) -> Outcome:
        """The sum of two shares; of what has no mean the first counts."""
        # The next value of a float8 amax is the largest over the micro-batches, not a sum.
        gradients = [
            ops.maximum(a, b) if is_next_value else a + b
            for a, b, is_next_value in zip(
                left.gradients, right.gradients, self.is_next_value, strict=True
            )
        ]
        state = [
            a + b if is_averaged else a
            for a, b, is_averaged in zip(left.state, right.state, self.is_averaged, strict=True)
        ]
        return Outcome(gradients, tensors.add(left.displacement, right.displacement), state)


def _loss_scale(optimizer):
    """Factor by which the optimizer wants the loss scaled; `None` where it is 1."""
    scale = optimizer.scale_loss(1.0)
    is_plain = isinstance(scale, float) and scale == 1.0
    return None if is_plain else ops.cast(ops.convert_to_tensor(scale), "float32")
