"""One training step, on whichever backend: from a batch to the optimizer's gradients."""

import keras
from keras import ops

from keras_sam import backend
from keras_sam.batches import batch_size, split
from keras_sam.oracle import GradientOracle


def batch_gradients(model, batch):
    """Gradients of a batch, in micro-batches where the model asks for it, and the logs.

    Args:
        model: The `SAMModel`.
        batch: `(x, y, sample_weight)`.

    Returns:
        `(gradients, logs)`, as `SAMModel.compute_gradients`.
    """
    run = _Step(model)
    if model.num_batch_splits in (None, 1):
        gradients = run.whole(batch, batch_size(batch[0]))
    else:
        gradients = run.averaged(batch)
    connected = [
        gradient if is_connected else None
        for gradient, is_connected in zip(gradients, run.is_connected, strict=True)
    ]
    return connected, {**run.logs, **model.get_metrics_result()}


class _Step:
    """The parts of a step, and what they learn on the way."""

    def __init__(self, model):
        self.model = model
        self.loss_scale = _loss_scale(model.optimizer)
        self.is_connected = None
        self.logs = {}

    def averaged(self, batch):
        """Mean over micro-batches of their gradients, weighted by size."""
        total = None
        for micro_batch, size in split(batch, self.model.num_batch_splits):
            share = ops.cast(size, "float32") / ops.cast(batch_size(batch[0]), "float32")
            gradients = self._scaled(self._micro(micro_batch, size), share)
            total = gradients if total is None else self._sum(total, gradients)
        return total

    def _micro(self, micro_batch, size):
        if isinstance(size, int):
            return self.whole(micro_batch, size)
        # A batch of unknown size (TensorFlow) may hold fewer examples than micro-batches.
        gradients = ops.cond(
            size > 0,
            lambda: self.whole(micro_batch, size),
            lambda: [ops.zeros(v.shape, v.dtype) for v in self.model.trainable_variables],
        )
        self.logs = {}  # Tensors of the branch, of no use outside it.
        return gradients

    def whole(self, batch, size):
        """The method's gradients for the whole batch; updates metrics and BatchNorm statistics."""
        model = self.model
        oracle = GradientOracle(model, batch, model.roles, self.loss_scale)
        step = model.method.gradient(
            oracle, model.current_rho(), model.optimizer.iterations, model.log_sharpness
        )
        oracle.commit()
        self.is_connected = oracle.is_connected
        self._measure(batch, size, oracle, step)
        factor = self._factor_for_optimizer(oracle)
        return step.gradients if factor is None else self._scaled(step.gradients, factor)

    def _measure(self, batch, size, oracle, step):
        x, y, sample_weight = batch
        self.model._loss_tracker.update_state(oracle.loss, sample_weight=size)
        self.logs = self.model.compute_metrics(x, y, oracle.predictions, sample_weight)
        for metric in self.model.measurements:
            value, counts = getattr(step, metric.name), step.is_active
            if self.loss_scale is not None:
                # A step that loss scaling skips for an overflow has nothing to show, and a weight
                # of 0 would not hide it: 0 times NaN is NaN.
                is_finite = ops.isfinite(value)
                counts = ops.logical_and(counts, is_finite)
                value = ops.where(is_finite, value, ops.zeros_like(value))
            metric.update_state(value, sample_weight=ops.cast(counts, "float32"))

    def _factor_for_optimizer(self, oracle):
        """What Keras expects on its gradients: its loss scale, and its share for this replica.

        A clean pass that overflowed shows in the gradients as well, so that the loss scaling
        skips the step.
        """
        replicas = backend.num_replicas()
        if self.loss_scale is None:
            return None if replicas == 1 else 1.0 / replicas
        scale = self.loss_scale / replicas
        return ops.where(oracle.is_finite, scale, ops.full_like(scale, float("nan")))

    def _scaled(self, gradients, factor):
        return [
            gradient if v.overwrite_with_gradient else gradient * ops.cast(factor, gradient.dtype)
            for gradient, v in zip(gradients, self.model.trainable_variables, strict=True)
        ]

    def _sum(self, left, right):
        # The next value of a float8 amax is the largest over the micro-batches, not a sum.
        return [
            ops.maximum(a, b) if v.overwrite_with_gradient else a + b
            for a, b, v in zip(left, right, self.model.trainable_variables, strict=True)
        ]


def _loss_scale(optimizer):
    """Factor by which the optimizer wants the loss scaled; `None` where it is 1."""
    scale = optimizer.scale_loss(1.0)
    is_plain = isinstance(scale, float) and scale == 1.0
    return None if is_plain else ops.cast(keras.ops.convert_to_tensor(scale), "float32")
