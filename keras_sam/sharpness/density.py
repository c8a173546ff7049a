"""Spectral density by stochastic Lanczos quadrature."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from keras_sam import checks
from keras_sam.sharpness.counting import Counter, Matrix
from keras_sam.sharpness.lanczos import on_device, on_host, tridiagonal
from keras_sam.sharpness.results import Estimate, estimate
from keras_sam.sharpness.scipy_parts import eigh_tridiagonal
from keras_sam.sharpness.shown import described

POINTS = 10_000
PLACES = {"host": on_host, "device": on_device}
CURVE = ("grid", "density", "standard_error")


@dataclass(frozen=True, repr=False)
class Density:
    """Spectral density of a symmetric matrix of size n, of integral 1.

    Args:
        nodes: Tuple of arrays, for each start its Ritz values.
        weights: Tuple of arrays, for each start their weights, of sum 1.
        grid: Array (points,), eigenvalues at which the density is given.
        density: Array (points,), the mean over the starts.
        standard_error: Array (points,), of the density; NaN from a single start.

    Example:

    >>> from scipy.sparse.linalg import aslinearoperator
    >>> from keras_sam import sharpness
    >>> density = sharpness.spectral_density(aslinearoperator(np.diag([1.0, 2.0, 6.0])))
    >>> round(density.moment(0).value, 6), density.nodes[0].round(3).tolist()
    (1.0, [1.0, 2.0, 6.0])
    """

    nodes: tuple[np.ndarray, ...]
    weights: tuple[np.ndarray, ...]
    grid: np.ndarray
    density: np.ndarray
    standard_error: np.ndarray
    __repr__ = described

    def moment(self, order: int) -> Estimate:
        """Mean over the eigenvalues of their power `order`, an `Estimate`.

        Order 1 is an estimate of the trace over n, order 2 of the squared Frobenius norm over n.
        """
        return estimate([w @ t**order for t, w in zip(self.nodes, self.weights)])

    @property
    def moments(self) -> np.ndarray:
        """Array (5,), the moments of order 0 to 4."""
        return np.array([self.moment(order).value for order in range(5)])

    def save(self, path: str | Path) -> None:
        """Writes a NumPy archive that `load` reads.

        Args:
            path: Path, ending in `.npz`.
        """
        arrays: dict[str, Any] = {name: getattr(self, name) for name in CURVE}
        arrays |= {f"nodes_{number}": part for number, part in enumerate(self.nodes)}
        arrays |= {f"weights_{number}": part for number, part in enumerate(self.weights)}
        np.savez_compressed(path, **arrays)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """The density that `save` wrote.

        Args:
            path: Path, ending in `.npz`.

        Returns:
            A `Density`.
        """
        with np.load(path) as archive:
            starts = range((len(archive.files) - len(CURVE)) // 2)
            nodes = tuple(archive[f"nodes_{number}"] for number in starts)
            weights = tuple(archive[f"weights_{number}"] for number in starts)
            return cls(nodes, weights, *(archive[name] for name in CURVE))


def spectral_density(
    operator: Matrix,
    steps: int = 80,
    starts: int = 1,
    seed: int = 0,
    basis: str = "host",
    variance: float = 1e-5,
    progress: bool = False,
) -> Density:
    """Estimates how the eigenvalues of a symmetric matrix are spread.

    From each random unit vector `steps` steps of Lanczos with full reorthogonalisation give
    Ritz values, the nodes, and weights; their moments up to order 2 steps - 1 are those that the
    vector sees of the matrix. The density is the mean over the starts of Gaussians at the nodes,
    of variance `variance * max(1, range of the nodes)`, or wider where the grid is coarser.

    Memory is O(parameters × steps): `steps` vectors of the Krylov basis, of 4 bytes a weight in
    float32. With `basis="host"` they lie in the host's memory and every product comes back to it.

    Reference:
        Ghorbani et al., An Investigation into Neural Net Optimization via Hessian Eigenvalue
        Density, ICML 2019 (https://arxiv.org/abs/1901.10159).

    Args:
        operator: A `Hessian`, `GaussNewton`, or anything else with `shape`, `dtype` and
            `matvec`, and `product` of tensors for a basis on the device.
        steps: Positive integer. Defaults to `80`.
        starts: Positive integer, number of random start vectors. Defaults to `1`.
        seed: Integer of at least 0. Defaults to `0`.
        basis: `"host"` or `"device"`, where the Krylov basis lies. Defaults to `"host"`.
        variance: Number above 0. Defaults to `1e-5`.
        progress: Whether to show a bar, by tqdm. Defaults to `False`.

    Returns:
        `Density`.

    Raises:
        ValueError: If an argument is outside its range.

    Example:

    >>> from scipy.sparse.linalg import aslinearoperator
    >>> from keras_sam import sharpness
    >>> density = sharpness.spectral_density(aslinearoperator(2 * np.eye(10)))
    >>> density.nodes[0]
    array([2.])
    """
    steps = min(checks.positive_integer("steps", steps), operator.shape[0])
    checks.positive_integer("starts", starts)
    place = PLACES[checks.one_of("basis", basis, PLACES)]
    checks.positive("variance", variance)
    generator = np.random.default_rng(checks.seed("seed", seed))
    with Counter(operator, progress, "spectral density", steps * starts) as counter:
        pairs = [
            _quadrature(*tridiagonal(*place(counter, _unit(generator, counter)), steps))
            for _ in range(starts)
        ]
    nodes, weights = zip(*pairs)
    return Density(nodes, weights, *_smoothed(nodes, weights, variance))


def _unit(generator: np.random.Generator, counter: Counter) -> np.ndarray:
    vector = generator.standard_normal(counter.size)
    return (vector / np.linalg.norm(vector)).astype(counter.dtype)


def _quadrature(alphas: np.ndarray, betas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ritz values, and the squared first components of their vectors."""
    values, vectors = eigh_tridiagonal(alphas, betas)
    return values, vectors[0] ** 2


def _smoothed(
    nodes: Sequence[np.ndarray], weights: Sequence[np.ndarray], variance: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Grid, density there and its standard error."""
    low, high = min(map(np.min, nodes)), max(map(np.max, nodes))
    # Narrower than the grid they would fall between its points.
    deviation = max(np.sqrt(variance * max(1.0, high - low)), 2 * (high - low) / POINTS)
    margin = max(0.01, 5 * deviation)  # Beyond it the Gaussians have nothing left.
    grid = np.linspace(low - margin, high + margin, POINTS)
    each = np.stack([_gaussians(grid, t, deviation) @ w for t, w in zip(nodes, weights)])
    error = np.full(POINTS, np.nan)
    if len(each) > 1:
        error = each.std(axis=0, ddof=1) / np.sqrt(len(each))
    return grid, each.mean(axis=0), error


def _gaussians(grid: np.ndarray, nodes: np.ndarray, deviation: float) -> np.ndarray:
    distances = (grid[:, None] - nodes) / deviation
    return np.exp(-(distances**2) / 2) / (deviation * np.sqrt(2 * np.pi))
