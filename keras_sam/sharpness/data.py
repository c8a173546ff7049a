"""A data set as batches that can be gone through again and again."""

import itertools
import math
import operator
from collections.abc import Iterable, Iterator
from typing import Any, Self, TypeAlias

import keras
from keras import ops

from keras_sam import checks
from keras_sam.tensors import Batch, Nested, Tensor
from keras_sam.training.batches import batch_size as size_of

Data: TypeAlias = keras.utils.PyDataset | Iterable[tuple[Nested, ...]]


class Arrays:
    """Batches cut from arrays; the last one may be smaller.

    Args:
        x: Nested arrays (examples, …).
        y: The same, or `None`.
        sample_weight: The same, or `None`.
        batch_size: Integer of at least 1.
    """

    def __init__(self, x: Nested, y: Nested | None, sample_weight: Nested | None, batch_size: int):
        self.arrays = (x, y, sample_weight)
        self.batch_size = checks.positive_integer("batch_size", batch_size)
        _check_arrays(self.arrays)
        sizes = [len(leaf) for leaf in keras.tree.flatten(self.arrays) if leaf is not None]
        if not sizes or len(set(sizes)) > 1 or not sizes[0]:
            raise ValueError(
                "x, y and sample_weight must hold the same number of examples, one at least. "
                f"Received: {sizes}"
            )
        self.size = sizes[0]

    def __length_hint__(self) -> int:
        return math.ceil(self.size / self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        for start in range(0, self.size, self.batch_size):
            stop = start + self.batch_size
            yield keras.tree.map_structure(
                lambda leaf: None if leaf is None else leaf[start:stop],  # noqa: B023
                self.arrays,
            )

    def of_size(self, batch_size: int) -> "Arrays":
        """The same examples in batches of another size."""
        return Arrays(*self.arrays, batch_size)


class Batches:
    """Batches that somebody else makes.

    Args:
        batches: A `keras.utils.PyDataset`, or an iterable of `(x, y)` or
            `(x, y, sample_weight)`. What can be gone through only once is kept.
    """

    def __init__(self, batches: Data):
        _check_ends(batches)
        self.batches: Any = list(batches) if iter_is_self(batches) else batches
        if next(iter(self), None) is None:
            raise ValueError(f"The data set must have at least one batch. Received: {batches!r}")

    def __length_hint__(self) -> int:
        return getattr(self.batches, "num_batches", None) or operator.length_hint(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        batches = self.batches
        if isinstance(batches, keras.utils.PyDataset):
            batches = (self.batches[index] for index in range(self.batches.num_batches))
        for batch in batches:
            yield keras.utils.unpack_x_y_sample_weight(batch)

    def of_size(self, batch_size: int) -> Self:
        """Only arrays can be cut anew: refuses another size than that of the batches."""
        sizes = {size_of(x) for x, _, _ in itertools.islice(self, 1)}
        if sizes != {batch_size}:
            raise ValueError(
                "m must be the size of the batches where they are given as such; give arrays, or "
                f"leave m out. Received: m={batch_size}, with batches of {sizes.pop()}"
            )
        return self


def iter_is_self(batches: Data) -> bool:
    """Whether `batches` can be gone through only once."""
    return hasattr(batches, "__next__")


def as_tensors(batch: Batch) -> Batch:
    """A batch as tensors of the backend; `None` stays."""

    def tensor(leaf: Tensor | None) -> Tensor | None:
        return None if leaf is None else ops.convert_to_tensor(leaf)

    return keras.tree.map_structure(tensor, batch)


def data_of(
    x: Nested | Data, y: Nested | None, sample_weight: Nested | None, batch_size: int
) -> Arrays | Batches:
    """The data set of `Objective`'s arguments."""
    is_arrays = y is not None or isinstance(x, dict) or hasattr(x, "shape")
    if is_arrays:
        return Arrays(x, y, sample_weight, batch_size)
    if sample_weight is not None:
        raise ValueError(
            "Where x gives batches, the weights belong in them: (x, y, sample_weight). "
            f"Received: sample_weight beside x of type {type(x).__name__}"
        )
    return Batches(x)


def _check_arrays(arrays: tuple[Nested | None, ...]) -> None:
    for leaf in keras.tree.flatten(arrays):
        if leaf is not None and not hasattr(leaf, "shape"):
            raise ValueError(
                "x, y and sample_weight must be arrays, or x alone a PyDataset or an iterable of "
                f"batches. Received: a {type(leaf).__name__} among them"
            )


def _check_ends(batches: Data) -> None:
    if isinstance(batches, keras.utils.PyDataset) and batches.num_batches is None:
        raise ValueError(
            "The data set must end: give its num_batches. Received: num_batches=None of a "
            f"{type(batches).__name__}"
        )
