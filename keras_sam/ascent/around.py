"""What ascents share that change the gradient or the result of another one."""

from typing import Any, Self

import keras

from keras_sam import checks
from keras_sam.ascent.ascent import Ascent
from keras_sam.ascent.dual_norm import DualNormAscent
from keras_sam.exports import exported
from keras_sam.tensors import Tensor, Vector
from keras_sam.training.oracle import GradientOracle


@exported
class AscentAround(Ascent):
    """An ascent that asks another one for the way.

    Args:
        step: The closed-form `Ascent`, which sets the shape of the ball. Defaults to
            `DualNormAscent()`.

    Raises:
        ValueError: If `step` is not a closed form.

    Example:

    >>> class Backwards(keras_sam.ascent.AscentAround):
    ...     def perturbation(self, oracle, gradients, context):
    ...         return self.along([-gradient for gradient in gradients], oracle, context.rho)
    >>> method = keras_sam.methods.Method(Backwards())
    """

    is_closed_form = False

    def __init__(self, step: Ascent | None = None):
        self.step = closed_form("step", DualNormAscent() if step is None else step)

    def along(self, gradients: Vector, oracle: GradientOracle, rho: Tensor) -> Vector:
        """The other ascent's perturbation for a gradient."""
        return self.step.direction(gradients, oracle.weights, rho, oracle.roles)

    def get_config(self) -> dict[str, Any]:
        return {"step": keras.saving.serialize_keras_object(self.step)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        step = keras.saving.deserialize_keras_object(config["step"])
        return cls(**{**config, "step": step})


def closed_form(name: str, ascent: Any) -> Ascent:
    """`ascent`, if it is a closed form."""
    if not isinstance(ascent, Ascent) or not ascent.is_closed_form:
        expected = "a closed-form ascent such as keras_sam.ascent.DualNormAscent()"
        checks.refuse(name, expected, ascent)
    return ascent
