"""The largest eigenvalues of a symmetric matrix that is known by its products."""

import numpy as np

from keras_sam import checks
from keras_sam.sharpness.counting import Counter, Matrix
from keras_sam.sharpness.errors import NotConvergedError
from keras_sam.sharpness.results import Eigenvalues
from keras_sam.sharpness.scipy_parts import ArpackNoConvergence, LinearOperator, eigsh

ORDERS = {"magnitude": "LM", "algebraic": "LA"}


def top_eigenvalues(
    operator: Matrix,
    k: int = 1,
    method: str = "lanczos",
    which: str = "algebraic",
    seed: int = 0,
    tolerance: float = 1e-4,
    max_iterations: int = 1000,
    progress: bool = False,
) -> Eigenvalues:
    """The k largest eigenvalues of a symmetric matrix, with their eigenvectors.

    `"lanczos"` is SciPy's `eigsh`: it needs the fewest products, and memory for max(2k + 1, 20)
    vectors. `"power"` is power iteration, with found eigenvectors projected out before each
    product (deflation): memory for k + 2 vectors, but many products where eigenvalues are close.
    It stops where an eigenvalue's relative change is below the tolerance, by which
    its error may be larger: look at the residuals.

    Args:
        operator: A `Hessian`, `GaussNewton`, or anything else with `shape`, `dtype` and
            `matvec`.
        k: Positive integer, at most the size of the matrix. Defaults to `1`.
        method: `"lanczos"` or `"power"`. Defaults to `"lanczos"`.
        which: `"algebraic"` for the largest, or `"magnitude"` for those of the largest absolute
            value, which may be negative. Defaults to `"algebraic"`.
        seed: Integer of at least 0, for the start vectors. Defaults to `0`.
        tolerance: Relative accuracy, above 0. Defaults to `1e-4`.
        max_iterations: Positive integer: of `"lanczos"` the most restarts, of `"power"` the most
            products for one eigenvalue. Defaults to `1000`.
        progress: Whether to show a bar, by tqdm. Defaults to `False`.

    Returns:
        `Eigenvalues`.

    Raises:
        ValueError: If an argument is outside its range.
        RuntimeError: If they are not found in `max_iterations`.

    Example:

    >>> from scipy.sparse.linalg import aslinearoperator
    >>> from keras_sam import sharpness
    >>> matrix = aslinearoperator(np.diag([3.0, -5.0, 1.0]))
    >>> sharpness.top_eigenvalues(matrix, k=2).values.round(3)
    array([3., 1.])
    """
    if checks.positive_integer("k", k) > operator.shape[0]:
        raise ValueError(
            f"k must be at most the size of the matrix, {operator.shape[0]}. Received: k={k}"
        )
    checks.one_of("which", which, ORDERS)
    find = METHODS[checks.one_of("method", method, METHODS)]
    checks.positive_integer("max_iterations", max_iterations)
    start = np.random.default_rng(checks.seed("seed", seed))
    tolerance = checks.positive("tolerance", tolerance)
    with Counter(operator, progress, f"{method} eigenvalues") as counter:
        values, vectors = find(counter, k, which, start, tolerance, max_iterations)
        order = np.argsort(-(values if which == "algebraic" else np.abs(values)))
        values, vectors = values[order], vectors[:, order]
        residuals = [
            np.linalg.norm(counter.matvec(vector) - value * vector)
            for value, vector in zip(values, vectors.T)
        ]
    return Eigenvalues(values, vectors, counter.products, np.array(residuals))


def _lanczos(
    counter: Counter,
    k: int,
    which: str,
    start: np.random.Generator,
    tolerance: float,
    max_iterations: int,
) -> tuple[np.ndarray, np.ndarray]:
    size = counter.size
    if k == size:  # ARPACK finds fewer than all.
        return np.linalg.eigh(np.stack([counter.matvec(row) for row in np.eye(size)], axis=1))
    matrix = LinearOperator((size, size), counter.matvec, dtype=counter.dtype)
    first = start.standard_normal(size).astype(counter.dtype)
    if not np.any(counter.matvec(first)):  # ARPACK refuses the matrix of zeros.
        return np.zeros(k, counter.dtype), np.eye(size, k, dtype=counter.dtype)
    try:
        return eigsh(
            matrix, k, which=ORDERS[which], v0=first, tol=tolerance, maxiter=max_iterations
        )
    except ArpackNoConvergence as error:
        raise _not_found(len(error.eigenvalues), tolerance, max_iterations) from error


def _power(
    counter: Counter,
    k: int,
    which: str,
    start: np.random.Generator,
    tolerance: float,
    max_iterations: int,
) -> tuple[np.ndarray, np.ndarray]:
    found, shift = np.zeros((0, counter.size)), 0.0
    values: list[float] = []
    if which == "algebraic":
        # The largest magnitude belongs to the largest eigenvalue once none is negative.
        shift = abs(_dominant(counter, found, 0.0, start, tolerance, max_iterations)[0])
    while len(values) < k:
        value, vector = _dominant(counter, found, shift, start, tolerance, max_iterations)
        values.append(value - shift)
        found = np.vstack([found, vector])
    return np.array(values), found.T


def _dominant(
    counter: Counter,
    found: np.ndarray,
    shift: float,
    start: np.random.Generator,
    tolerance: float,
    max_iterations: int,
) -> tuple[float, np.ndarray]:
    """Eigenvalue of the largest magnitude, of the shifted matrix, and its vector."""
    vector, value = _rejected(start.standard_normal(counter.size), found), np.inf
    for _ in range(max_iterations):
        vector = vector / np.linalg.norm(vector)
        image = _rejected(counter.matvec(vector) + shift * vector, found)
        last, value = value, float(vector @ image)
        norm = np.linalg.norm(image)
        # Relative to the matrix's own eigenvalue, which the shift may dwarf.
        if norm == 0 or abs(value - last) <= tolerance * (abs(value - shift) + 1e-6):
            return value, vector
        vector = image
    raise _not_found(len(found), tolerance, max_iterations)


def _rejected(vector: np.ndarray, found: np.ndarray) -> np.ndarray:
    """What of `vector` is orthogonal to the rows of `found`."""
    return vector - found.T @ (found @ vector)


def _not_found(found: int, tolerance: float, max_iterations: int) -> NotConvergedError:
    return NotConvergedError(
        "The eigenvalues were not found in time; raise max_iterations or tolerance. "
        f"Received: max_iterations={max_iterations}, tolerance={tolerance}, with {found} found"
    )


METHODS = {"lanczos": _lanczos, "power": _power}
