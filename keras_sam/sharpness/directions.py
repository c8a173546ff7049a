"""Directions in the space of weights, to walk along from a trained model."""

import numpy as np
from numpy.typing import ArrayLike

from keras_sam import checks
from keras_sam.roles import Role
from keras_sam.sharpness.objective import Objective

NORMALIZATIONS = ("filter", "none")
FLOOR = 1e-10  # Of a filter's norm, as in the authors' code.


def random_direction(
    objective: Objective, seed: int = 0, normalization: str = "filter"
) -> np.ndarray:
    """A random direction, by default with filters as long as the model's own.

    Without the normalisation a model with larger weights looks flatter, though a ReLU network
    may be rescaled at will.

    Reference:
        Li et al., Visualizing the Loss Landscape of Neural Nets, NeurIPS 2018
        (https://arxiv.org/abs/1712.09913), section 4.

    Args:
        objective: A `keras_sam.sharpness.Objective`.
        seed: Integer of at least 0; a seed gives the same numbers on every backend. Defaults to
            `0`.
        normalization: `"filter"` as in `filter_normalized`, or `"none"` for plain Gaussian
            numbers. Defaults to `"filter"`.

    Returns:
        Array of shape `(objective.size,)`.

    Raises:
        ValueError: If the normalisation is unknown, or no chosen weight has filters.

    Example:

    >>> from keras_sam import sharpness
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    >>> objective = sharpness.Objective(model, np.ones((8, 2)), np.ones((8, 3)), loss="mse")
    >>> sharpness.random_direction(objective).shape
    (9,)
    """
    checks.one_of("normalization", normalization, NORMALIZATIONS)
    seed = checks.seed("seed", seed)
    direction = np.random.default_rng(seed).standard_normal(objective.size).astype(objective.dtype)
    return direction if normalization == "none" else filter_normalized(objective, direction)


def filter_normalized(objective: Objective, direction: ArrayLike) -> np.ndarray:
    """A direction in which each filter has the length of the same filter of the weights.

    A filter is all that makes one output: a slice of a kernel by its last axis, a row of an
    embedding. Biases, and the scales and offsets of normalisation layers become 0.

    Reference:
        Li et al., Visualizing the Loss Landscape of Neural Nets, NeurIPS 2018
        (https://arxiv.org/abs/1712.09913), section 4.

    Args:
        objective: A `keras_sam.sharpness.Objective`.
        direction: Array of shape `(objective.size,)`.

    Returns:
        Array of the same shape.

    Raises:
        ValueError: If no chosen weight has filters.

    Example:

    >>> from keras_sam import sharpness
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, use_bias=False)])
    >>> model.set_weights([np.array([[3.0, 0.0, 1.0], [4.0, 2.0, 0.0]])])
    >>> objective = sharpness.Objective(model, np.ones((8, 2)), np.ones((8, 3)), loss="mse")
    >>> sharpness.filter_normalized(objective, [0.0, 1.0, 1.0, 1.0, 0.0, 0.0])
    array([0., 2., 1., 5., 0., 0.], dtype=float32)
    """
    if not any(_has_filters(role) for role in objective.roles):
        raise ValueError(
            "Filters are normalised of kernels and embeddings of two axes at least; use "
            "normalization='none' for other weights. Received: "
            + ", ".join(f"{r.variable.path} {tuple(r.variable.shape)}" for r in objective.roles)
        )
    arrays = objective.layout.arrays
    pairs = zip(arrays(direction), arrays(objective.weights()), objective.roles, strict=True)
    return objective.layout.vector([_normalized(*pair) for pair in pairs]).astype(objective.dtype)


def _has_filters(role: Role) -> bool:
    return role.kind in ("kernel", "embedding") and len(role.variable.shape) > 1


def _normalized(direction: np.ndarray, weight: np.ndarray, role: Role) -> np.ndarray:
    if not _has_filters(role):
        return np.zeros_like(direction)
    within = tuple(axis for axis in range(weight.ndim) if axis not in role.filter_axes)
    lengths, wanted = (
        np.sqrt(np.sum(np.square(array, dtype="float64"), axis=within, keepdims=True))
        for array in (direction, weight)
    )
    return direction * (wanted / (lengths + FLOOR))


def sam_direction(objective: Objective, rho: float = 0.05) -> np.ndarray:
    """The perturbation of SAM: along the gradient over all data, of length rho.

    Reference:
        Foret et al., Sharpness-Aware Minimization for Efficiently Improving Generalization,
        ICLR 2021 (https://arxiv.org/abs/2010.01412), equation 2.

    Args:
        objective: A `keras_sam.sharpness.Objective`.
        rho: Float above 0, the Euclidean length. Defaults to `0.05`.

    Returns:
        Array of shape `(objective.size,)`; zeros where the gradient is.

    Raises:
        ValueError: If rho is not a number above 0.

    Example:

    >>> from keras_sam import sharpness
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> objective = sharpness.Objective(model, np.ones((8, 2)), np.ones((8, 1)), loss="mse")
    >>> float(np.linalg.norm(sharpness.sam_direction(objective, rho=0.5)).round(3))
    0.5
    """
    gradient = objective.gradient()
    length = np.linalg.norm(gradient.astype("float64"))
    return gradient * (checks.positive("rho", rho) / length if length else 0.0)
