"""Weights as one flat vector, and back as the tensors of a model."""

import math
from collections.abc import Iterator, Sequence

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from keras_sam import tensors
from keras_sam.tensors import Tensor, Vector


class Layout:
    """Where each variable lies in the vector of all.

    Args:
        variables: List of `keras.Variable`.
    """

    def __init__(self, variables: Sequence[keras.Variable]):
        self.shapes = [tuple(variable.shape) for variable in variables]
        self.dtypes = [variable.dtype for variable in variables]
        self.ends = np.cumsum([math.prod(shape) for shape in self.shapes]).tolist()
        kinds = {tensors.float_type(dtype) for dtype in self.dtypes}
        self.dtype = "float64" if "float64" in kinds else "float32"

    @property
    def size(self) -> int:
        """Number of weights."""
        return self.ends[-1]

    def flatten(self, parts: Sequence[Tensor | None]) -> Tensor:
        """One tensor of shape `(size,)` from a list of tensors; `None` stands for zeros."""
        filled = [
            ops.zeros(shape, self.dtype) if part is None else ops.cast(part, self.dtype)
            for part, shape in zip(parts, self.shapes, strict=True)
        ]
        return ops.concatenate([ops.reshape(part, (-1,)) for part in filled])

    def unflatten(self, vector: Tensor) -> Vector:
        """List of tensors, shaped and typed as the variables."""
        return [
            ops.cast(ops.reshape(vector[start:end], shape), dtype)
            for start, end, shape, dtype in self._places()
        ]

    def arrays(self, vector: ArrayLike) -> list[np.ndarray]:
        """List of arrays, shaped as the variables, in the type of `vector`."""
        vector = np.asarray(vector)
        return [vector[start:end].reshape(shape) for start, end, shape, _ in self._places()]

    def vector(self, arrays: Sequence[np.ndarray]) -> np.ndarray:
        """Array of shape `(size,)` from a list of arrays shaped as the variables."""
        return np.concatenate([np.asarray(array).reshape(-1) for array in arrays])

    def _places(self) -> Iterator[tuple[int, int, tuple[int, ...], str]]:
        return zip([0, *self.ends[:-1]], self.ends, self.shapes, self.dtypes, strict=True)
