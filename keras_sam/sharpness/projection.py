"""Balls around the weights: what is in them, and which way the loss rises there."""

from dataclasses import dataclass

import numpy as np

from keras_sam import checks
from keras_sam.sharpness.objective import Objective
from keras_sam.sharpness.scipy_parts import brentq

NORMS = ("l2", "linf")


@dataclass(frozen=True)
class Ball:
    """The offsets delta with |delta / scale|_p <= rho; where the scale is 0, delta is.

    Args:
        rho: Radius.
        norm: `"l2"` or `"linf"`.
        scale: Array (size,) of numbers of at least 0.
    """

    rho: float
    norm: str
    scale: np.ndarray

    def direction(self, gradient: np.ndarray) -> np.ndarray:
        """The way a step of APGD goes: steepest in the coordinates delta / scale."""
        if self.norm == "linf":
            return self.scale * np.sign(gradient)
        return self.scale * _unit(self.scale * gradient)

    def steepest(self, gradient: np.ndarray) -> np.ndarray:
        """The point of the ball that is furthest along the gradient."""
        if self.norm == "linf":
            return self.rho * self.scale * np.sign(gradient)
        return self.rho * self.scale * _unit(self.scale * gradient)

    def project(self, offset: np.ndarray) -> np.ndarray:
        """The point of the ball nearest to `offset`, in the coordinates delta / scale.

        There the ball is round, and rescaling the weights changes nothing.
        """
        if self.norm == "linf":
            return np.clip(offset, -self.rho * self.scale, self.rho * self.scale)
        inside = np.where(self.scale > 0, offset, 0.0)
        length = np.linalg.norm(_over(inside, self.scale))
        return inside if length <= self.rho else inside * (self.rho / length)


class EuclideanBall(Ball):
    """The same ball, with the directions and the projection of Andriushchenko et al.

    Where the scales differ, no maximum is a point of rest: the direction is not the normal of the
    ball there. The search stops short of it.
    """

    def direction(self, gradient: np.ndarray) -> np.ndarray:
        """The way a step of APGD goes: the gradient's, times the scale."""
        if self.norm == "linf":
            return super().direction(gradient)
        return self.scale * _unit(gradient)

    def project(self, offset: np.ndarray) -> np.ndarray:
        """The point of the ball nearest to `offset`, in the Euclidean norm."""
        if self.norm == "linf":
            return super().project(offset)
        return _onto_ellipsoid(offset, self.scale, self.rho)


def ball(
    objective: Objective, rho: float, norm: str, adaptive: bool, kind: type[Ball] = Ball
) -> Ball:
    """The `Ball` around an objective's weights, with checked arguments.

    Args:
        objective: A `keras_sam.sharpness.Objective`.
        rho: Number of at least 0.
        norm: `"l2"` or `"linf"`.
        adaptive: Whether the scale is the weights' magnitude, instead of 1.
        kind: `Ball`, or a subclass. Defaults to `Ball`.
    """
    checks.one_of("norm", norm, NORMS)
    weights = objective.weights().astype("float64")
    scale = np.abs(weights) if adaptive else np.ones_like(weights)
    return kind(checks.non_negative("rho", rho), norm, scale)


def _unit(vector: np.ndarray) -> np.ndarray:
    norm = np.linalg.norm(vector)
    return vector / norm if norm > 0 else np.zeros_like(vector)


def _over(numerator: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """The quotient; 0 where the scale is."""
    return np.divide(numerator, scale, out=np.zeros_like(numerator), where=scale > 0)


def _onto_ellipsoid(offset: np.ndarray, scale: np.ndarray, rho: float) -> np.ndarray:
    """Entry j is `offset_j / (1 + λ / scale_j²)`, with λ where the weighted norm is rho.

    To scale `offset` back to the radius would also land in the ball, but not at its nearest point.
    """
    square = scale**2
    inside = np.where(scale > 0, offset, 0.0)
    product = scale * inside

    def excess(multiplier: float) -> float:  # The weighted norm falls with the multiplier.
        return float(np.linalg.norm(_over(product, square + multiplier))) - rho

    if excess(0.0) <= 0:
        return inside
    if rho == 0:
        return np.zeros_like(inside)
    far = 2 * np.linalg.norm(product) / rho  # There the norm is at most rho / 2.
    multiplier = brentq(excess, 0.0, far, xtol=np.finfo("float64").tiny)
    return inside * _over(square, square + multiplier)
