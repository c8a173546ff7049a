"""One training step, on whichever backend: from a batch to the optimizer's gradients."""

from keras import ops

from keras_sam import backend, tensors
from keras_sam.training.batches import batch_size, split
from keras_sam.training.oracle import GradientOracle
from keras_sam.training.scope import Scope
from keras_sam.training.update import Update, Weighting


def batch_update(model, batch):
    """What a batch does, in micro-batches where the model asks for it.

    Updates the metrics, the BatchNorm statistics and the method's state.

    Args:
        model: The `SAMModel`.
        batch: `(x, y, sample_weight)`.

    Returns:
        `(gradients, displacement, logs)`; a gradient is `None` where the loss does not depend
        on the weight.
    """
    run = _Step(model)
    if model.num_batch_splits in (None, 1):
        update = run.whole(batch, batch_size(batch[0]))
    else:
        update = run.averaged(batch)
    displacement = run.settle(update)
    connected = [
        gradient if is_connected else None
        for gradient, is_connected in zip(update.gradients, run.is_connected, strict=True)
    ]
    return connected, displacement, {**run.logs, **model.get_metrics_result()}


class _Step:
    """The parts of a step, and what they learn on the way."""

    def __init__(self, model):
        self.model = model
        self.loss_scale = _loss_scale(model.optimizer)
        self.context = model.context()
        self.is_connected = None
        self.logs = {}

    def averaged(self, batch):
        """Mean over micro-batches of what they do, weighted by size."""
        weighting = Weighting(self.model, self.context)
        total = None
        for micro_batch, size in split(batch, self.model.num_batch_splits):
            self.context = self.context.replaced(is_first_part=total is None)
            share = ops.cast(size, "float32") / ops.cast(batch_size(batch[0]), "float32")
            part = weighting.share_of(self._micro(micro_batch, size), share)
            total = part if total is None else weighting.sum(total, part)
        return total

    def _micro(self, micro_batch, size):
        if isinstance(size, int):
            return self.whole(micro_batch, size)
        # A batch of unknown size (TensorFlow) may hold fewer examples than micro-batches.
        parts = ops.cond(
            size > 0,
            lambda: list(vars(self.whole(micro_batch, size)).values()),
            self._nothing,
        )
        self.logs = {}  # Tensors of the branch, of no use outside it.
        return Update(*parts)

    def _nothing(self):
        zeros = [ops.zeros(v.shape, v.dtype) for v in self.model.trainable_variables]
        displacement = zeros if self.model.method.descent.displaces else []
        return [zeros, displacement, tensors.values(self.context.variables)]

    def whole(self, batch, size):
        """The method's `Update` for the whole batch; updates metrics and BatchNorm statistics."""
        model = self.model
        oracle = GradientOracle(model, batch, model.roles, self.loss_scale)
        with Scope() as scope:
            step = model.method.gradient(oracle, self.context, model.log_sharpness)
        if self.context.seed is not None:
            self.context.seed.state.assign(scope.value(self.context.seed.state))
        oracle.first.commit()
        self.is_connected = oracle.first.is_connected
        self._measure(oracle.first, size, step)
        factor = self._factor_for_optimizer(oracle.first, step.displacement)
        gradients = step.gradients
        if factor is not None:
            gradients = Weighting(model, self.context).scaled(gradients, factor)
        state = [scope.value(variable) for variable in self.context.variables]
        return Update(gradients, step.displacement, state)

    def settle(self, update):
        """Assigns the new state, unless loss scaling skips the step; returns the displacement."""
        variables = self.context.variables
        is_averaged = Weighting(self.model, self.context).is_averaged
        state = backend.across_replicas(update.state, is_averaged)
        displacement = update.displacement
        displacement = backend.across_replicas(displacement, [True] * len(displacement))
        if self.loss_scale is not None and (state or displacement):
            is_finite = self._is_finite_everywhere(update.gradients)
            state = [
                ops.where(is_finite, new, old)
                for new, old in zip(state, tensors.values(variables), strict=True)
            ]
            displacement = [ops.where(is_finite, d, ops.zeros_like(d)) for d in displacement]
        tensors.assign(variables, state)
        return displacement

    def _is_finite_everywhere(self, gradients):
        """Whether no replica has overflowed: all of them keep the state, or none does."""
        flag = ops.cast(tensors.is_finite(gradients), "float32")
        return backend.across_replicas([flag], [True])[0] > 0.999

    def _measure(self, first, size, step):
        x, y, sample_weight = first.batch
        self.model._loss_tracker.update_state(first.loss, sample_weight=size)
        self.logs = self.model.compute_metrics(x, y, first.predictions, sample_weight)
        for metric in self.model.measurements:
            value, counts = getattr(step, metric.name), step.is_active
            if self.loss_scale is not None:
                # A step that loss scaling skips for an overflow has nothing to show, and a weight
                # of 0 would not hide it: 0 times NaN is NaN.
                is_finite = ops.isfinite(value)
                counts = ops.logical_and(counts, is_finite)
                value = ops.where(is_finite, value, ops.zeros_like(value))
            metric.update_state(value, sample_weight=ops.cast(counts, "float32"))

    def _factor_for_optimizer(self, first, displacement):
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


def _loss_scale(optimizer):
    """Factor by which the optimizer wants the loss scaled; `None` where it is 1."""
    scale = optimizer.scale_loss(1.0)
    is_plain = isinstance(scale, float) and scale == 1.0
    return None if is_plain else ops.cast(ops.convert_to_tensor(scale), "float32")
