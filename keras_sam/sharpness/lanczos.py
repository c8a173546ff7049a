"""The Lanczos process, with full reorthogonalisation."""

from collections.abc import Callable
from typing import TypeAlias

import keras
import numpy as np
from keras import ops

from keras_sam.sharpness.counting import Counter
from keras_sam.tensors import Tensor, Vector

Multiply: TypeAlias = Callable[[Tensor], Tensor]
Dot: TypeAlias = Callable[[Tensor, Tensor], Tensor]


def tridiagonal(
    multiply: Multiply, start: Tensor, dot: Dot, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Diagonal and off-diagonal of the matrix seen in the Krylov space of `start`.

    Every new vector is made orthogonal to all before it, twice: rounding would otherwise bring
    converged eigenvalues back as ghosts. The process ends early in an invariant subspace, where
    nothing new is left.

    Args:
        multiply: Function, the product with the symmetric matrix.
        start: Unit vector, an array or a tensor; all others are of its kind.
        dot: Function of two such vectors, a scalar of their kind.
        steps: Positive integer.

    Returns:
        `(alphas, betas)`, arrays; of the second there is one less.
    """
    basis: Vector = [start]
    alphas: list[float] = []
    betas: list[float] = []
    threshold = 10 * float(np.finfo(keras.backend.standardize_dtype(start.dtype)).eps)
    scale = 0.0
    while True:
        image = multiply(basis[-1])
        alphas.append(float(dot(basis[-1], image)))
        scale = max(scale, float(dot(image, image)) ** 0.5)
        for _ in range(2):
            # No float in between: a device need not wait for the host.
            for vector in basis:
                image = image - dot(vector, image) * vector
        beta = float(dot(image, image)) ** 0.5
        # Of the image nothing but its rounding is left.
        if len(alphas) == steps or beta <= threshold * scale:
            return np.array(alphas), np.array(betas)
        betas.append(beta)
        basis.append(image / beta)


def on_host(counter: Counter, start: np.ndarray) -> tuple[Multiply, np.ndarray, Dot]:
    """`multiply`, `start` and `dot` for a basis of arrays."""
    return counter.matvec, start, np.vdot


def on_device(counter: Counter, start: np.ndarray) -> tuple[Multiply, Tensor, Dot]:
    """`multiply`, `start` and `dot` for a basis of tensors."""
    return counter.product, ops.convert_to_tensor(start), ops.vdot
