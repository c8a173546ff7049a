"""Steps that come to something that is not finite: found, marked in the gradients, not made."""

from __future__ import annotations

import keras
from keras import ops

from keras_sam import backend, tensors
from keras_sam.tensors import Tensor, Vector
from keras_sam.training.carriers import Asked, FirstEvaluation, Outcome


class Guard:
    """What loss scaling and `skip_nonfinite` have in common.

    Whatever is not finite is marked in the gradients, as loss scaling expects it; a batch whose
    gradients are finite on all replicas is a step to make.

    Args:
        optimizer: The optimizer that gets the gradients.
        skips: Whether to skip what is not finite.

    Attributes:
        loss_scale: Factor by which the optimizer wants the loss scaled; `None` where it is 1.
        skips: Whether the model skips what is not finite.
        is_on: Whether the model or the loss scaling does.
        decides: Whether the model does, and not an optimizer that looks for the marks itself.
    """

    def __init__(self, optimizer: Asked, skips: bool) -> None:
        self.loss_scale = _loss_scale(optimizer)
        self.skips = skips
        self.is_on = self.skips or self.loss_scale is not None
        looks_itself = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        self.decides = self.skips and not looks_itself

    def is_sound(self, first: FirstEvaluation, outcome: Outcome) -> bool | Tensor:
        """Whether all is finite that a batch, or a part of it, comes to.

        Loss scaling looks at gradients and moves alone. A model that skips by itself looks at the
        loss, the state and the gradient's norm: an optimizer that clips by an infinite norm makes
        it NaN, and Adam's mean of the squares would be infinite for good.
        """
        if not self.is_on:
            return True
        parts = list(outcome.displacement)
        if self.skips:
            square_norm = tensors.inner(outcome.gradients, outcome.gradients)
            parts += [first.loss, square_norm, *outcome.state]
        found = [] if first.is_finite is None else [first.is_finite]
        return ops.all(ops.stack([*found, tensors.is_finite(parts)] if parts else found))

    def factor_for_optimizer(self, is_sound: bool | Tensor) -> Tensor | float | None:
        """What Keras expects on its gradients: its loss scale, and its share for this replica.

        NaN is the mark of what is not finite.
        """
        replicas = backend.num_replicas()
        if is_sound is True:
            return None if replicas == 1 else 1.0 / replicas
        scale = ops.ones(()) if self.loss_scale is None else self.loss_scale
        return ops.where(is_sound, scale / replicas, float("nan"))

    def is_finite_everywhere(self, gradients: Vector) -> Tensor:
        """Whether no replica has marked its gradients: all of them make the step, or none does."""
        flag = ops.cast(tensors.is_finite(gradients), "float32")
        return backend.across_replicas([flag], [True])[0] > 0.999

    def held(self, outcome: Outcome, old_state: Vector) -> Outcome:
        """The outcome of a step that is made where it is finite, and changes nothing elsewhere.

        Args:
            outcome: The `Outcome` on which all replicas agree, but for the gradients.
            old_state: List of tensors, the state before the step.
        """
        replicas = backend.num_replicas()
        # All else that a step changes is the optimizer's, which looks for the marks itself.
        has_more = bool(outcome.state or outcome.displacement or replicas > 1)
        if not (self.skips or (self.is_on and has_more)):
            return outcome
        is_finite = self.is_finite_everywhere(outcome.gradients)
        gradients = outcome.gradients
        if replicas > 1:  # Loss scaling looks at those of the first one alone.
            gradients = [ops.where(is_finite, g, float("nan")) for g in gradients]
        displacement = tensors.only(outcome.displacement, is_finite)
        state = [
            ops.where(is_finite, new, old)
            for new, old in zip(outcome.state, old_state, strict=True)
        ]
        return Outcome(gradients, displacement, state, is_finite)


def _loss_scale(optimizer: Asked) -> Tensor | None:
    scale = optimizer.scale_loss(1.0)
    is_plain = isinstance(scale, float) and scale == 1.0
    return None if is_plain else ops.cast(ops.convert_to_tensor(scale), "float32")
