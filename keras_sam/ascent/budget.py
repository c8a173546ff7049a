"""The radius rule of LE-SAM: as far as the linearised loss rises by what is allowed."""

from typing import Any, Self

from keras import ops

from keras_sam import tensors
from keras_sam.ascent.around import AscentAround
from keras_sam.ascent.ascent import Ascent
from keras_sam.exports import part
from keras_sam.schedules import Rho, check_rho, deserialize_rho, rho_at, serialize_rho
from keras_sam.tensors import Vector
from keras_sam.training.carriers import Context
from keras_sam.training.oracle import GradientOracle


@part
class BudgetAscent(AscentAround):
    """Another ascent's perturbation, as long as it raises the linearised loss by `sigma`.

    With the perturbation e of radius 1, the radius is `min(sigma / <g, e>, rho)`: `sigma / ||g||`
    for SAM, `sigma / ||g||_q` for another p, `sigma / ||T g||` on ASAM's ball. Rho is the largest
    radius: without one a perturbation grows beyond bounds as the gradient vanishes.

    Reference:
        Wang et al., Fix the Loss, Not the Radius: Rethinking the Adversarial Perturbation of
        Sharpness-Aware Minimization, ICML 2026.

    Args:
        step: The closed-form `Ascent` to follow, which sets the shape of the ball; its
            perturbation must grow in proportion to rho. Defaults to `DualNormAscent()`.
        sigma: Float of at least 0, or a schedule of `keras_sam.schedules.Rho`: the rise, in the
            units of the loss. Defaults to `0.35`.

    Raises:
        ValueError: If `sigma` is negative, or `step` is not a closed form.

    Example:

    >>> ascent = keras_sam.ascent.BudgetAscent(keras_sam.ascent.AdaptiveAscent(), sigma=0.1)
    >>> method = keras_sam.methods.Method(ascent, rho=2.0)
    """

    def __init__(self, step: Ascent | None = None, sigma: Rho = 0.35):
        super().__init__(step)
        self.sigma = check_rho(sigma, "sigma")

    def perturbation(self, oracle: GradientOracle, gradients: Vector, context: Context) -> Vector:
        unit = self.along(gradients, oracle, ops.ones_like(context.rho))
        rise = tensors.inner(gradients, unit)
        radius = tensors.guarded_ratio(rho_at(self.sigma, context.optimizer), rise)
        return tensors.scale(unit, ops.minimum(radius, ops.cast(context.rho, radius.dtype)))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "sigma": serialize_rho(self.sigma)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return super().from_config({**config, "sigma": deserialize_rho(config["sigma"])})
