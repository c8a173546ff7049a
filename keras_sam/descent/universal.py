"""The descents of the universal class: penalties on the loss around the weights."""

from collections.abc import Callable
from typing import Any, Self

import keras
from keras import ops

from keras_sam import backend, checks, tensors
from keras_sam.descent.descent import Descent
from keras_sam.exports import part
from keras_sam.tensors import Tensor, Vector
from keras_sam.training.carriers import Climb, Context, Evaluation
from keras_sam.training.oracle import GradientOracle


@keras.saving.register_keras_serializable(package="keras_sam")
def identity(x: Tensor) -> Tensor:
    """`x`."""
    return x


@keras.saving.register_keras_serializable(package="keras_sam")
def exponential_decay(x: Tensor) -> Tensor:
    """`exp(-x / 2)`, psi of the determinant."""
    return ops.exp(-x / 2)


@keras.saving.register_keras_serializable(package="keras_sam")
def inverse_square(x: Tensor) -> Tensor:
    """`1 / x^2`, phi of the determinant."""
    return 1 / ops.square(x)


class Sampled(Descent):
    """A descent that looks at several draws of its ascent."""

    needs_clean_gradient = True
    least_samples = 1

    def __init__(self, strength: float, samples: int):
        self.strength = checks.number("strength", strength)
        self.samples = checks.positive_integer("samples", samples)
        # Several draws of an ascent without chance would be one.
        self.needs_random_ascent = self.samples > 1
        if samples < self.least_samples:
            raise ValueError(
                f"samples must be at least {self.least_samples}, for a variance. "
                f"Received: samples={samples!r}"
            )

    def draws(self, oracle: GradientOracle, climb: Climb) -> tuple[list[Evaluation], Tensor]:
        """Evaluations at `samples` perturbations, and the mean of their losses."""
        draws = [climb.perturbed(oracle)]
        draws += [oracle.at(climb.again()) for _ in range(self.samples - 1)]
        return draws, sum(draw.loss for draw in draws) / self.samples

    def get_config(self) -> dict[str, Any]:
        return {"strength": self.strength, "samples": self.samples}


@part
class UniversalGradient(Sampled):
    """The gradient of the loss plus a function of its rise around the weights.

    With the rises `d_i = (L(w + e_i) - L(w)) / rho^2` over the draws e_i of the ascent, the
    gradient of `L + strength rho^2 phi(mean psi(d_i))`.

    Reference:
        Tahmasebi et al., A Universal Class of Sharpness-Aware Minimization Algorithms, ICML
        2024, algorithm 1.

    Args:
        phi: Function of a scalar tensor; register it with Keras to save the model. Defaults to
            `identity`.
        psi: Function of a scalar tensor, likewise. Defaults to `identity`.
        strength: Float, weight of the penalty. Defaults to `1.0`.
        samples: Positive integer, draws a step. Defaults to `1`.

    Raises:
        ValueError: If an argument is outside its range.

    Example:

    >>> descent = keras_sam.descent.UniversalGradient(phi=keras.activations.softplus)
    >>> method = keras_sam.methods.Method(keras_sam.ascent.RandomAscent("sphere"), descent)
    """

    def __init__(
        self,
        phi: Callable = identity,
        psi: Callable = identity,
        strength: float = 1.0,
        samples: int = 1,
    ):
        super().__init__(strength, samples)
        self.phi = _function("phi", phi)
        self.psi = _function("psi", psi)

    def evaluation(self, oracle: GradientOracle, climb: Climb, context: Context) -> Evaluation:
        draws, mean_loss = self.draws(oracle, climb)
        square = ops.square(context.rho)
        rises = [tensors.guarded_ratio(draw.loss - climb.first.loss, square) for draw in draws]

        def penalty(rises: Vector) -> tuple[Tensor, tuple[()]]:
            return self.phi(sum(map(self.psi, rises)) / self.samples), ()

        slopes = backend.value_and_gradient(penalty, rises)[2]
        gradients = climb.first.gradients
        for draw, slope in zip(draws, slopes, strict=True):
            change = tensors.add(draw.gradients, climb.first.gradients, -1.0)
            gradients = tensors.add(gradients, change, self.strength * slope)
        return Evaluation(mean_loss, gradients)

    def get_config(self) -> dict[str, Any]:
        functions = {
            name: keras.saving.serialize_keras_object(getattr(self, name)) for name in FUNCTIONS
        }
        return {**functions, **super().get_config()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        functions = {
            name: keras.saving.deserialize_keras_object(config[name]) for name in FUNCTIONS
        }
        return cls(**{**config, **functions})


FUNCTIONS = ("phi", "psi")


def _function(name: str, value: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    if not callable(value):
        checks.refuse(name, "a function of a scalar tensor", value)
    return value


@part
class VarianceGradient(Sampled):
    """The gradient of the loss plus half of its variance around the weights: Frob-SAM's.

    The variance over the draws of the ascent, divided by rho squared; on a quadratic it holds
    the squared norm of the gradient and the squared Frobenius norm of the Hessian.

    Reference:
        Tahmasebi et al., A Universal Class of Sharpness-Aware Minimization Algorithms, ICML
        2024, as in the authors' code.

    Args:
        strength: Float, weight of the penalty. Defaults to `0.005`.
        samples: Integer of at least 2, draws a step. Defaults to `2`.

    Raises:
        ValueError: If an argument is outside its range.

    Example:

    >>> descent = keras_sam.descent.VarianceGradient(samples=4)
    """

    least_samples = 2

    def __init__(self, strength: float = 0.005, samples: int = 2):
        super().__init__(strength, samples)

    def evaluation(self, oracle: GradientOracle, climb: Climb, context: Context) -> Evaluation:
        draws, mean_loss = self.draws(oracle, climb)
        divisor = ops.square(context.rho) * (self.samples - 1)
        gradients = climb.first.gradients
        for draw in draws:
            weight = tensors.guarded_ratio(draw.loss - mean_loss, divisor)
            gradients = tensors.add(gradients, draw.gradients, self.strength * weight)
        return Evaluation(mean_loss, gradients)
