"""Products with the Hessians of many batches, of which as many are kept as there is room for."""

import functools
import itertools
import operator
from collections.abc import Callable, Iterator
from typing import TypeAlias

from keras_sam.sharpness.data import Arrays, Batches, as_tensors
from keras_sam.sharpness.memory import Room
from keras_sam.tensors import Batch, Tensor
from keras_sam.training.batches import batch_size as size_of

Multiply: TypeAlias = Callable[[Tensor], Tensor]


class KeptProducts:
    """The mean of the batches' products with a vector, as a function of it.

    Args:
        data: The batches.
        at: Function of a batch and a number of bytes that gives the batch's function of a vector,
            which may stay; `None` where it would take more.
        product: Function of a batch and a vector, for the batches that there is no room for.
        share: As in `keras_sam.sharpness.KeptHessian`.

    Attributes:
        num_kept: Integer, how many batches are kept, the first ones.
    """

    def __init__(
        self,
        data: Arrays | Batches,
        at: Callable[[Batch, float], Multiply | None],
        product: Callable[[Batch, Tensor], Tensor],
        share: float | None,
    ):
        self._data = data
        self._product = product
        self._kept = list(_kept(data, at, Room(share)))
        self.num_kept = len(self._kept)

    def __call__(self, vector: Tensor) -> Tensor:
        sums, sizes = zip(*self._sums(vector))
        return functools.reduce(operator.add, sums) / sum(sizes)

    def _sums(self, vector: Tensor) -> Iterator[tuple[Tensor, int]]:
        """For each batch the sum of its examples' products, and their number."""
        for multiply, size in self._kept:
            yield multiply(vector) * size, size
        for batch in map(as_tensors, itertools.islice(self._data, self.num_kept, None)):
            size = int(size_of(batch[0]))
            yield self._product(batch, vector) * size, size


def _kept(
    data: Arrays | Batches, at: Callable[[Batch, float], Multiply | None], room: Room
) -> Iterator[tuple[Multiply, int]]:
    for batch in map(as_tensors, data):
        left = room.left()
        multiply = at(batch, left) if left > 0 else None
        if multiply is None or room.left() < 0:
            return
        yield multiply, int(size_of(batch[0]))
