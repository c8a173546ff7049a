"""The ascent of bSAM: weights that the data know well are perturbed less."""

from typing import Any

from keras import ops

from keras_sam import checks, tensors
from keras_sam.ascent.ascent import Ascent
from keras_sam.exports import part
from keras_sam.tensors import Vector
from keras_sam.training.carriers import Context
from keras_sam.training.memory import Slot
from keras_sam.training.oracle import GradientOracle


@part
class PrecisionAscent(Ascent):
    """Takes its gradient at a draw from the posterior, and climbs by `rho g / s`.

    The posterior is normal, with variance `1 / (N s)` for the precision s that
    `BayesianGradient` keeps; the step is not normalised, and starts from the mean.

    Reference:
        Moellenhoff and Khan, SAM as an Optimal Relaxation of Bayes, ICLR 2023, algorithm 1.

    Args:
        data_size: Positive integer, number N of training examples. Defaults to `50_000`.
        initial_precision: Positive float, s at first. Defaults to `1.0`.

    Raises:
        ValueError: If an argument is outside its range.

    Example:

    >>> ascent = keras_sam.ascent.PrecisionAscent(data_size=50_000)
    """

    is_closed_form = False
    is_random = True
    starts_clean = False

    def __init__(self, data_size: int = 50_000, initial_precision: float = 1.0):
        self.data_size = checks.positive_integer("data_size", data_size)
        self.family = f"bsam of {self.data_size} examples"
        self.initial_precision = checks.positive("initial_precision", initial_precision)

    def slots(self) -> dict[str, Slot]:
        return {"precision": Slot(initial=self.initial_precision)}

    def origin(self, oracle: GradientOracle, context: Context) -> Vector | None:
        noise = tensors.normal_like(oracle.weights, context.seed)
        return [
            draw / ops.sqrt(self.data_size * precision)
            for draw, precision in zip(noise, context.state["precision"], strict=True)
        ]

    def perturbation(self, oracle: GradientOracle, gradients: Vector, context: Context) -> Vector:
        return [
            context.rho * tensors.at_least_float32(gradient) / precision
            for gradient, precision in zip(gradients, context.state["precision"], strict=True)
        ]

    def get_config(self) -> dict[str, Any]:
        return {"data_size": self.data_size, "initial_precision": self.initial_precision}
