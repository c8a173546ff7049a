"""Batches that threads make ahead of the training step."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeAlias

import keras
import numpy as np

from keras_sam import checks

Examples: TypeAlias = np.ndarray | tuple[np.ndarray, ...]

MOST_BYTES = 2**30


class Prefetched(keras.utils.PyDataset):
    """A data set of Keras of which the next batches are under way while one is used.

    A subclass says what `batch(epoch, index)` is, as a pure function, and how many batches there
    are in `num_batches`.

    Keras has workers of its own, which are not used here: what they have queued when `fit` takes
    a batch to build the model, they hand out in the first epoch, in the wrong places.

    Args:
        workers: Integer of at least 0, how many threads make batches, each two ahead as long as
            that takes no more than a gigabyte; with `0` the thread that asks makes them. Defaults
            to `2`.

    Example:

    >>> from keras_sam.datasets.prefetch import Prefetched
    >>> class Squares(Prefetched):
    ...     num_batches = 3
    ...
    ...     def batch(self, epoch, index):
    ...         return np.array(index**2)
    >>> list(Squares(workers=2))
    [array(0), array(1), array(4)]
    """

    def __init__(self, workers: int = 2):
        super().__init__()
        self.epoch = 0
        self._threads = checks.non_negative_integer("workers", workers)
        self._ahead = 1  # Until the size of a batch is known.
        self._pool: ThreadPoolExecutor | None = None
        self._pending: dict[tuple[int, int], Future[Examples]] = {}
        self._lock = threading.Lock()  # TensorFlow asks from threads of its own.

    def batch(self, epoch: int, index: int) -> Examples:
        """Makes batch number `index` of an epoch."""
        raise NotImplementedError

    def __getitem__(self, index: int) -> Examples:
        """Batch number `index` of the current epoch."""
        if not self._threads:
            return self.batch(self.epoch, index)
        with self._lock:
            future = self._request(self.epoch, index)
        batch = future.result()
        self._ahead = max(1, min(2 * self._threads, MOST_BYTES // max(1, _bytes_of(batch))))
        return batch

    def release(self) -> None:
        """Lets go of the threads and of what they have made; the next batch starts new ones."""
        with self._lock:
            if self._pool is not None:
                self._pool.shutdown(wait=False)
            self._pool, self._pending = None, {}

    def _request(self, epoch: int, index: int) -> Future[Examples]:
        self._pool = self._pool or ThreadPoolExecutor(self._threads)
        end = min(index + 1 + self._ahead, self.num_batches)
        wanted = [(epoch, position) for position in range(index, end)] or [(epoch, index)]
        # What nobody will ask for any more is forgotten.
        self._pending = {
            key: self._pending.get(key) or self._pool.submit(self.batch, *key) for key in wanted
        }
        return self._pending[epoch, index]


def _bytes_of(batch: Examples) -> int:
    arrays = batch if isinstance(batch, tuple) else (batch,)
    return sum(getattr(array, "nbytes", 0) for array in arrays)
