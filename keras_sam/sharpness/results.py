"""What the algorithms give back: frozen, with the errors of what they estimate."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from keras_sam.sharpness.shown import described

ZERO = 1e-6  # Of the largest eigenvalue: what rounding in float32 leaves of a zero.


@dataclass(frozen=True)
class Estimate:
    """A mean of random draws.

    Args:
        value: Float.
        standard_error: Float, of the value; NaN from a single draw.
        samples: Int, number of draws.
    """

    value: float
    standard_error: float
    samples: int


@dataclass(frozen=True, repr=False)
class Sharpness:
    """By how much the loss rises near the weights, over batches.

    Args:
        value: Float, mean over the batches, weighted by their sizes.
        standard_error: Float. Of a worst case: from the spread over the batches. Of an average
            case: from the spread over the draws alone, as the batches are the data set. NaN where
            there is but one batch, or draw.
        values: Array (batches,), the rise for each.
        sizes: Array (batches,), number of examples in each.
    """

    value: float
    standard_error: float
    values: np.ndarray
    sizes: np.ndarray
    __repr__ = described


@dataclass(frozen=True)
class Trace:
    """Trace of a matrix.

    Args:
        value: Float.
        standard_error: Float; NaN from a single probe.
        products: Int, number of products with the matrix.
    """

    value: float
    standard_error: float
    products: int


@dataclass(frozen=True, repr=False)
class Eigenvalues:
    """The largest eigenvalues of a symmetric matrix.

    Args:
        values: Array (k,), the largest first, in the order that was asked for.
        vectors: Array (size, k), a unit vector in each column.
        iterations: Int, number of products with the matrix.
        residuals: Array (k,), |A v - λ v|: an eigenvalue lies within it of each value.
    """

    values: np.ndarray
    vectors: np.ndarray
    iterations: int
    residuals: np.ndarray
    __repr__ = described

    def ratio(self, position: int = 5) -> float:
        """λ1 / λ5, or over the eigenvalue at another position, from 1; NaN where that is zero.

        Raises:
            ValueError: If there are fewer eigenvalues.
        """
        if not 1 <= position <= len(self.values):
            raise ValueError(
                f"position must be from 1 to the number of eigenvalues, {len(self.values)}; ask "
                f"top_eigenvalues for more with k. Received: position={position!r}"
            )
        first, last = float(self.values[0]), float(self.values[position - 1])
        is_zero = abs(last) <= ZERO * abs(first)
        return math.nan if is_zero else first / last


@dataclass(frozen=True)
class Bounds:
    """Bounds on the expected loss over the distribution that the data are from.

    Args:
        mcallester: Float, bound on the expected loss of a Gaussian around the weights.
        maurer: Float, the same in Maurer's sharper form.
        sam: Float, right-hand side of SAM's theorem.
        hoeffding: Float, Hoeffding's bound, which would hold had the data not chosen the weights.
        perturbed: `Estimate` of the loss on the data set under this Gaussian.
        worst: Float, the largest loss found in the ball.
        clean: Float, the loss at the weights.
        sigma: Float, standard deviation of the Gaussian.
        rho: Float, radius of the ball.
        squared_norm: Float, of the weights.
        size: Int, number of weights.
        num_examples: Int.
        confidence: Float, with which probability a bound holds.
    """

    mcallester: float
    maurer: float
    sam: float
    hoeffding: float
    perturbed: Estimate
    worst: float
    clean: float
    sigma: float
    rho: float
    squared_norm: float
    size: int
    num_examples: int
    confidence: float


def standard_error(values: Sequence[float] | np.ndarray) -> float:
    """Standard error of the mean of independent values; NaN for one."""
    values = np.asarray(values)
    if len(values) < 2:
        return math.nan
    return float(np.std(values, ddof=1) / math.sqrt(len(values)))


def estimate(values: Sequence[float] | np.ndarray) -> Estimate:
    """`Estimate` from independent draws."""
    return Estimate(float(np.mean(values)), standard_error(values), len(values))


def over_batches(pairs: Iterable[tuple[float, int]]) -> Sharpness:
    """`Sharpness` from pairs of a rise and a number of examples."""
    values, sizes = (np.array(column) for column in zip(*pairs))
    mean = float(np.average(values, weights=sizes))
    return Sharpness(mean, _spread(values, sizes, mean), values, sizes)


def _spread(values: np.ndarray, sizes: np.ndarray, mean: float) -> float:
    """Standard error of a weighted mean; for equal weights the usual one."""
    if len(values) < 2:
        return math.nan
    shares = sizes / np.sum(sizes)
    spread = np.sum((shares * (values - mean)) ** 2) * len(values) / (len(values) - 1)
    return float(np.sqrt(spread))
