"""Long work, counted and shown."""

import operator
from collections.abc import Callable, Iterable
from typing import Any, Protocol, Self, TypeVar, cast

import numpy as np

from keras_sam.checks import import_extra
from keras_sam.tensors import Tensor

T = TypeVar("T")


class Matrix(Protocol):
    """A symmetric matrix that is known by its products, such as a `Hessian`."""

    @property
    def shape(self) -> tuple[int, int]:
        """Pair of ints."""

    @property
    def dtype(self) -> np.dtype:
        """Type of the entries."""

    def matvec(self, vector: np.ndarray) -> np.ndarray:
        """The product with an array."""


class DeviceMatrix(Matrix, Protocol):
    """One that also multiplies tensors, which stay on the device."""

    def product(self, vector: Tensor) -> Tensor:
        """The product with a tensor."""


class Counter:
    """A symmetric matrix that counts its products, with a progress bar if wanted.

    Args:
        operator: A `Matrix`; for `product` a `DeviceMatrix`.
        progress: Whether to show a bar.
        label: String, what the bar says.
        total: Int, the most products there will be. Defaults to `None`, not known.
    """

    def __init__(self, operator: Matrix, progress: bool, label: str, total: int | None = None):
        self.operator = operator
        self.products = 0
        self._bar: Any = None
        if progress:
            self._bar = _tqdm()(total=total, desc=label, unit="product")

    @property
    def size(self) -> int:
        """Number of rows."""
        return self.operator.shape[0]

    @property
    def dtype(self) -> np.dtype:
        """Type of the vectors, a floating one also where the matrix is of integers."""
        return np.result_type(self.operator.dtype, np.float32)

    def matvec(self, vector: np.ndarray) -> np.ndarray:
        """The product with an array."""
        return self._counted(self.operator.matvec, vector)

    def product(self, vector: Tensor) -> Tensor:
        """The product with a tensor."""
        return self._counted(cast(DeviceMatrix, self.operator).product, vector)

    def _counted(self, function: Callable[[Tensor], Tensor], vector: Tensor) -> Tensor:
        self.products += 1
        if self._bar is not None:
            self._bar.update()
        return function(vector)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.close()


def shown(
    steps: Iterable[T], progress: bool, label: str, unit: str, total: int | None = None
) -> Iterable[T]:
    """`steps`, with a progress bar if wanted.

    Args:
        steps: Iterable.
        progress: Whether to show a bar.
        label: String, what the bar says.
        unit: String, what a step is.
        total: Int, the number of steps, or 0 if not known. Defaults to `None`, as `steps` says.
    """
    if not progress:
        return steps
    total = operator.length_hint(steps) if total is None else total
    return _tqdm()(steps, label, total or None, unit=unit)


def _tqdm() -> Any:
    return import_extra("tqdm", "tqdm", "sharpness").tqdm
