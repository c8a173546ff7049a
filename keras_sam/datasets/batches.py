"""Batches that depend on the seed and the epoch alone, so that a resumed run sees the same."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeAlias

import keras
import numpy as np

from keras_sam import checks
from keras_sam.datasets.images import FullSize, Images
from keras_sam.datasets.prefetch import Prefetched

# Of images and a generator; of full-size photographs a list, which a crop takes.
Augment: TypeAlias = Callable[[np.ndarray, np.random.Generator], np.ndarray]
Mix: TypeAlias = Callable[
    [np.ndarray, np.ndarray, np.random.Generator], tuple[np.ndarray, np.ndarray]
]
Prepare: TypeAlias = Callable[[np.ndarray], np.ndarray]
WHOLE = (0, 1)  # The share of one process.


class Batches(Prefetched):
    """Shuffled, augmented training batches as a pure function of (seed, epoch, position).

    Give them to `fit` with `shuffle=False`, or Keras visits them in an order of its own.

    Only full batches are made, so that the training step is compiled once; what is left over
    differs from epoch to epoch. Fewer examples than `batch_size` make a single batch.

    Args:
        x: Array (examples, …), or lazy images.
        y: Array (examples, …).
        batch_size: Integer of at least 1.
        seed: Integer of at least 0. Defaults to `0`.
        augment: Function of (images, `numpy.random.Generator`) that returns new images. Defaults
            to `None`, no augmentation.
        mix: Function of (images, labels, `numpy.random.Generator`) that returns new images and
            labels, after `augment`. Defaults to `None`, no mixing.
        workers: Integer of at least 0, threads that make batches ahead; `0` makes none ahead.
            Defaults to `2`.
        share: Tuple of integers, which part of each batch to give, counted from 0, and of how many:
            that of one of several processes. A part of several draws its augmentation for itself.
            Defaults to `(0, 1)`, all of it.

    Raises:
        ValueError: If the lengths of `x` and `y` differ, they are empty, or `batch_size` is not a
            positive integer and a multiple of the parts.

    Example:

    >>> from keras_sam import datasets
    >>> data = datasets.digits()
    >>> batches = datasets.Batches(data.x_train, data.y_train, batch_size=64)
    >>> callbacks = [batches.follow_epochs()]
    >>> model.fit(batches, shuffle=False, callbacks=callbacks)  # doctest: +SKIP
    """

    def __init__(
        self,
        x: Images | FullSize,
        y: np.ndarray,
        batch_size: int,
        seed: int = 0,
        augment: Augment | None = None,
        mix: Mix | None = None,
        workers: int = 2,
        share: tuple[int, int] = WHOLE,
    ):
        super().__init__(workers)
        self.x = x
        self.y = y
        self.batch_size = _checked_size(x, y, batch_size)
        self.share = _checked_share(share, self.batch_size)
        self.seed = checks.seed("seed", seed)
        self.augment = augment
        self.mix = mix

    @property
    def num_batches(self) -> int:
        """Number of batches in an epoch."""
        return len(self.x) // self.batch_size

    def batch(self, epoch: int, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Batch number `index` of an epoch, or the share of it, as (images, labels)."""
        order = _order(self.seed, epoch, len(self.x))
        position, parts = self.share
        size = self.batch_size // parts
        first = index * self.batch_size + position * size
        chosen = order[first : first + size]
        images: Any = self.x[chosen]
        labels = self.y[chosen]
        own = () if parts == 1 else (position,)
        generator = _generator(self.seed, epoch, 1 + index, *own)  # 0 is the epoch's order.
        if self.augment is not None:
            images = self.augment(images, generator)
        if self.mix is not None:
            images, labels = self.mix(images, labels, generator)
        return images, labels

    def follow_epochs(self) -> keras.callbacks.Callback:
        """Returns the callback without which every epoch of `fit` would see the same batches.

        Keras's own hook for data sets counts the batch that `fit` takes to build the model as an
        epoch of its own, and does not know where a resumed run begins. At the end of `fit` the
        callback lets go of the threads.

        Returns:
            A `keras.callbacks.Callback`.
        """

        def begin(epoch: int, logs: dict[str, float] | None = None) -> None:
            self.epoch = epoch

        return keras.callbacks.LambdaCallback(
            on_epoch_begin=begin, on_train_end=lambda logs: self.release()
        )


class OrderedBatches(Prefetched):
    """All examples in their order, to evaluate on; the last batch may be smaller.

    Args:
        x: Array (examples, …), or lazy images.
        y: Array (examples, …).
        batch_size: Integer of at least 1.
        prepare: Function of images that returns what a network takes.
        workers: Integer of at least 0, threads that make batches ahead. Defaults to `2`.

    Raises:
        ValueError: As `Batches`.

    Example:

    >>> from keras_sam.datasets.batches import OrderedBatches
    >>> batches = OrderedBatches(np.arange(5), np.arange(5), 2, prepare=np.sqrt)
    >>> [len(labels) for _, labels in batches]
    [2, 2, 1]
    """

    def __init__(
        self,
        x: Images | FullSize,
        y: np.ndarray,
        batch_size: int,
        prepare: Prepare,
        workers: int = 2,
    ):
        super().__init__(workers)
        self.x = x
        self.y = y
        self.batch_size = _checked_size(x, y, batch_size)
        self.prepare = prepare

    @property
    def num_batches(self) -> int:
        """Number of batches, the smaller one included."""
        return -(-len(self.x) // self.batch_size)

    def batch(self, epoch: int, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Batch number `index`, the same in every epoch, as (images, labels)."""
        part = slice(index * self.batch_size, (index + 1) * self.batch_size)
        images: Any = self.x[part]
        return self.prepare(images), self.y[part]


def _checked_size(x: Images | FullSize, y: np.ndarray, batch_size: int) -> int:
    if len(x) != len(y) or not len(x):
        raise ValueError(
            "x and y must hold the same number of examples, one at least. "
            f"Received: {len(x)} and {len(y)}"
        )
    return min(checks.positive_integer("batch_size", batch_size), len(x))


def _checked_share(share: tuple[int, int], batch_size: int) -> tuple[int, int]:
    if batch_size % share[1]:
        raise ValueError(
            f"A batch must be a multiple of the {share[1]} processes that share it. "
            f"Received: batch_size={batch_size}"
        )
    return share


def _generator(seed: int, *key: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


@lru_cache(maxsize=2)  # Pure, so a thread that prefetches for another epoch does no harm.
def _order(seed: int, epoch: int, examples: int) -> np.ndarray:
    return _generator(seed, epoch, 0).permutation(examples)
