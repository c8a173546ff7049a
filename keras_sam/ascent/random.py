"""Ascents that draw where to look."""

from typing import Any, Self

import keras
from keras import ops

from keras_sam import checks, tensors
from keras_sam.ascent.around import AscentAround
from keras_sam.ascent.ascent import Ascent
from keras_sam.ascent.filters import filter_noise
from keras_sam.exports import part
from keras_sam.schedules import Rho, check_rho, deserialize_rho, rho_at, serialize_rho
from keras_sam.tensors import Vector
from keras_sam.training.carriers import Context
from keras_sam.training.oracle import GradientOracle

SAMPLERS = ("gaussian", "sphere", "cube", "filter")


class DrawnAscent(Ascent):
    """A perturbation that is drawn, without a look at the gradient; each part draws its own.

    Args:
        is_one_pass: Whether the only evaluation of a batch is at the perturbed weights.
    """

    is_closed_form = False
    is_random = True

    def __init__(self, is_one_pass: bool):
        self.is_one_pass = checks.boolean("is_one_pass", is_one_pass)
        self.starts_clean = not self.is_one_pass

    def origin(self, oracle: GradientOracle, context: Context) -> Vector | None:
        return self.drawn(oracle, context) if self.is_one_pass else None

    def perturbation(self, oracle: GradientOracle, gradients: Vector, context: Context) -> Vector:
        return self.drawn(oracle, context)

    def drawn(self, oracle: GradientOracle, context: Context) -> Vector:
        """The perturbation, as in `perturbation`."""
        raise NotImplementedError


@part
class RandomAscent(DrawnAscent):
    """A random perturbation: rho times a draw that does not look at the gradient.

    Args:
        sampler: `"gaussian"`, independent standard normal numbers; `"sphere"`, uniform on the
            unit sphere over all tensors together; `"cube"`, uniform in [-1, 1] for each entry; or
            `"filter"`, normal numbers times the Euclidean norm of the entry's filter, or of its
            tensor where that has one axis. Defaults to `"gaussian"`.
        size: Positive float, factor on the draw. Defaults to `1.0`.
        is_one_pass: Whether the only evaluation of a batch is at the perturbed weights, as in RWP.
            Defaults to `False`.

    Raises:
        ValueError: If an argument is outside its range.

    Example:

    >>> method = keras_sam.methods.Method(keras_sam.ascent.RandomAscent("sphere"), rho=0.1)
    """

    def __init__(self, sampler: str = "gaussian", size: float = 1.0, is_one_pass: bool = False):
        super().__init__(is_one_pass)
        self.sampler = checks.one_of("sampler", sampler, SAMPLERS)
        self.size = checks.positive("size", size)

    def drawn(self, oracle: GradientOracle, context: Context) -> Vector:
        return tensors.scale(self._draw(oracle, context.seed), context.rho * self.size)

    def _draw(self, oracle: GradientOracle, seed: keras.random.SeedGenerator) -> Vector:
        weights = oracle.weights
        if self.sampler == "filter":
            return filter_noise(weights, oracle.roles, seed)
        if self.sampler == "cube":
            return [
                keras.random.uniform(
                    tuple(weight.shape), -1.0, 1.0, tensors.float_type(weight.dtype), seed
                )
                for weight in weights
            ]
        draw = tensors.normal_like(weights, seed)
        if self.sampler == "gaussian":
            return draw
        return tensors.scale(draw, tensors.guarded_ratio(1.0, tensors.norm(draw)))

    def get_config(self) -> dict[str, Any]:
        return {"sampler": self.sampler, "size": self.size, "is_one_pass": self.is_one_pass}


@part
class NoisyAscent(AscentAround):
    """Takes its gradient at a random point nearby, and climbs along both.

    With the noise D, `sigma ||w_f||` times standard normal numbers for each filter f, and the
    gradient g at `w + D`, the direction from w is `lam g + D`.

    Reference:
        Liu et al., Random Sharpness-Aware Minimization, NeurIPS 2022, as in the authors' code.

    Args:
        step: The closed-form `Ascent` to follow. Defaults to `DualNormAscent()`.
        sigma: Float of at least 0, or a schedule of `keras_sam.schedules.Rho`: the noise, relative
            to the filters. Defaults to `5e-4`.
        lam: Float of at least 0, weight of the gradient. Defaults to `2.0`.

    Raises:
        ValueError: If an argument is outside its range.

    Example:

    >>> ascent = keras_sam.ascent.NoisyAscent(sigma=1e-3)
    """

    is_random = True
    starts_clean = False

    def __init__(self, step: Ascent | None = None, sigma: Rho = 5e-4, lam: float = 2.0):
        super().__init__(step)
        self.sigma = check_rho(sigma, "sigma")
        self.lam = checks.non_negative("lam", lam)

    def origin(self, oracle: GradientOracle, context: Context) -> Vector | None:
        sigma = rho_at(self.sigma, context.optimizer)
        return tensors.scale(filter_noise(oracle.weights, oracle.roles, context.seed), sigma)

    def perturbation(self, oracle: GradientOracle, gradients: Vector, context: Context) -> Vector:
        assert context.origin is not None, "It is the ascent's own."
        return self.along(tensors.add(context.origin, gradients, self.lam), oracle, context.rho)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "sigma": serialize_rho(self.sigma), "lam": self.lam}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return super().from_config({**config, "sigma": deserialize_rho(config["sigma"])})


@part
class StochasticAscent(AscentAround):
    """Perturbs a random choice of the tensors: the weights' part of ESAM.

    Each tensor is chosen with probability `beta`; the norm runs over the chosen ones, and the
    perturbation is divided by `beta`, so that it is right in the mean.

    Reference:
        Du et al., Efficient Sharpness-aware Minimization for Improved Training of Neural
        Networks, ICLR 2022, section 3.1, per tensor as in the authors' code.

    Args:
        step: The closed-form `Ascent` to follow. Defaults to `DualNormAscent()`.
        beta: Float in (0, 1], chance of a tensor. Defaults to `0.6`.

    Raises:
        ValueError: If an argument is outside its range.

    Example:

    >>> ascent = keras_sam.ascent.StochasticAscent(beta=0.5)
    """

    is_random = True

    def __init__(self, step: Ascent | None = None, beta: float = 0.6):
        super().__init__(step)
        self.beta = checks.fraction("beta", beta)

    def perturbation(self, oracle: GradientOracle, gradients: Vector, context: Context) -> Vector:
        draws = keras.random.uniform((len(gradients),), seed=context.seed)
        is_chosen = ops.cast(draws < self.beta, "float32")
        restricted = [
            tensors.at_least_float32(gradient) * ops.cast(is_chosen[index], gradient.dtype)
            for index, gradient in enumerate(gradients)
        ]
        return tensors.scale(self.along(restricted, oracle, context.rho), 1 / self.beta)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta": self.beta}
