"""The trace of a matrix that is known by its products."""

import numpy as np

from keras_sam import checks
from keras_sam.sharpness.counting import Counter, Matrix
from keras_sam.sharpness.results import Trace, standard_error

LEAST_PROBES = 10


def trace(
    operator: Matrix,
    method: str = "hutchinson",
    max_products: int = 100,
    tolerance: float = 1e-2,
    seed: int = 0,
    progress: bool = False,
) -> Trace:
    """Estimates the trace of a symmetric matrix from random signs v: the mean of v'Av.

    `"hutchinson"` stops where the standard error is at most `tolerance` times the value, or at
    `max_products`; not before ten probes, as the error of fewer says little, unless they are all
    the same. (Others stop at a small change of the running mean, which shrinks with the number of
    probes however far off it is.) It is exact for a diagonal matrix.

    `"hutch++"` spends a third of the products on finding the range Q of the largest eigenvalues,
    a third on the trace there, and a third on probes of the rest; it is exact for a matrix of
    rank at most `max_products / 3`, and needs memory for `max_products / 3` vectors.

    Reference:
        Meyer et al., Hutch++: Optimal Stochastic Trace Estimation, SOSA 2021
        (https://arxiv.org/abs/2010.09649).

    Args:
        operator: A `Hessian`, `GaussNewton`, or anything else with `shape`, `dtype` and
            `matvec`.
        method: `"hutchinson"` or `"hutch++"`. Defaults to `"hutchinson"`.
        max_products: Positive integer, at least 3 for `"hutch++"`. Defaults to `100`.
        tolerance: Number above 0; not for `"hutch++"`. Defaults to `0.01`.
        seed: Integer of at least 0. Defaults to `0`.
        progress: Whether to show a bar, by tqdm. Defaults to `False`.

    Returns:
        `Trace`.

    Raises:
        ValueError: If an argument is outside its range.

    Example:

    >>> from scipy.sparse.linalg import aslinearoperator
    >>> from keras_sam import sharpness
    >>> sharpness.trace(aslinearoperator(np.diag([3.0, -5.0, 1.0]))).value
    -1.0
    """
    checks.one_of("method", method, ("hutchinson", "hutch++"))
    checks.positive_integer("max_products", max_products)
    checks.positive("tolerance", tolerance)
    generator = np.random.default_rng(checks.seed("seed", seed))
    with Counter(operator, progress, method, max_products) as counter:
        if method == "hutchinson":
            value, error = _hutchinson(counter, generator, max_products, tolerance)
        else:
            value, error = _hutch_plus_plus(counter, generator, _third(max_products))
    return Trace(float(value), error, counter.products)


def _third(max_products: int) -> int:
    if max_products < 3:
        raise ValueError(f"max_products must be at least 3 for 'hutch++'. Received: {max_products}")
    return max_products // 3


def _hutchinson(
    counter: Counter, generator: np.random.Generator, max_products: int, tolerance: float
) -> tuple[float, float]:
    forms: list[float] = []
    while len(forms) < max_products:
        signs = _signs(generator, counter)
        forms.append(signs @ counter.matvec(signs))
        error = standard_error(forms)  # NaN for a single one, which is above anything.
        allowed = tolerance * abs(np.mean(forms)) if len(forms) >= LEAST_PROBES else 0.0
        if error <= allowed:
            break
    return float(np.mean(forms)), error


def _hutch_plus_plus(
    counter: Counter, generator: np.random.Generator, count: int
) -> tuple[float, float]:
    count = min(count, counter.size)
    sketch = [counter.matvec(_signs(generator, counter)) for _ in range(count)]
    basis = np.linalg.qr(np.stack(sketch, axis=1))[0]
    inside = sum(column @ counter.matvec(column) for column in basis.T)
    if count == counter.size:  # The basis spans everything.
        return inside, 0.0
    forms = []
    for _ in range(count):
        signs = _signs(generator, counter)
        rest = signs - basis @ (basis.T @ signs)
        forms.append(rest @ counter.matvec(rest))
    return inside + float(np.mean(forms)), standard_error(forms)


def _signs(generator: np.random.Generator, counter: Counter) -> np.ndarray:
    return generator.choice([-1.0, 1.0], counter.size).astype(counter.dtype)
