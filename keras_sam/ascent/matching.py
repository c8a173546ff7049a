"""The ascent of SAGM: up to the border of the ball, and a step down."""

from collections.abc import Sequence
from typing import Any

from keras_sam import checks, tensors
from keras_sam.ascent.around import AscentAround
from keras_sam.ascent.ascent import Ascent
from keras_sam.exports import part
from keras_sam.roles import Role
from keras_sam.tensors import Tensor, Vector


@part
class MatchingAscent(AscentAround):
    """Another ascent's perturbation, less `alpha` times the gradient.

    For SAM's this is `(rho / ||g|| - alpha) g`. Where the gradient is longer than `rho / alpha`
    the point lies downhill.

    Reference:
        Wang et al., Sharpness-Aware Gradient Matching for Domain Generalization, CVPR 2023,
        equation 8.

    Args:
        step: The closed-form `Ascent` to follow. Defaults to `DualNormAscent()`.
        alpha: Float of at least 0, length of the step down, in the units of a learning rate.
            Defaults to `0.001`.

    Raises:
        ValueError: If `alpha` is negative, or `step` is not a closed form.

    Example:

    >>> method = keras_sam.methods.Method(keras_sam.ascent.MatchingAscent(alpha=5e-4))
    """

    is_closed_form = True

    def __init__(self, step: Ascent | None = None, alpha: float = 0.001):
        super().__init__(step)
        self.alpha = checks.non_negative("alpha", alpha)

    def direction(
        self, gradients: Vector, weights: Vector, rho: Tensor, roles: Sequence[Role]
    ) -> Vector:
        up = self.step.direction(gradients, weights, rho, roles)
        return tensors.add(up, gradients, -self.alpha)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "alpha": self.alpha}
