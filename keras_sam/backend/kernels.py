"""Functions of Keras or a backend, replaced for a while: in most cases by fused kernels."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import keras
from keras import ops

from keras_sam.backend.types import Tensor


class Kernels:
    """Functions that stand in the place of others as long as a pass through a network lasts.

    Passes may be made one within another or in several threads: the others are back in their place
    when the last of them ends.
    """

    def __init__(self) -> None:
        self.replaced: list[tuple[Any, str, Any, Any]] = []
        self._lock = threading.Lock()
        self._passes = 0

    def add(self, owner: Any, name: str, replacing: Callable[[Any], Any]) -> None:
        """Has `replacing(original)` stand in for the original, where it is still there."""
        original = getattr(owner, name, None)
        if original is not None:
            self.replaced.append((owner, name, original, replacing(original)))

    @contextlib.contextmanager
    def used(self) -> Iterator[None]:
        """A block in which they stand in."""
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    def _count(self, change):
        with self._lock:
            was_on = self._passes > 0
            self._passes += change
            if was_on != (self._passes > 0):
                self._exchange(was_on)

    def _exchange(self, was_on):
        for owner, name, original, replacement in self.replaced:
            before, after = (replacement, original) if was_on else (original, replacement)
            if getattr(owner, name) is before:  # Else somebody else has replaced it.
                setattr(owner, name, after)


def normalizes_batch(layer: keras.layers.BatchNormalization, training: Any, mask: Any) -> bool:
    """Whether it does so by the statistics of this batch, all its examples, and in no other way."""
    renorm = getattr(layer, "renorm", False)  # Keras knows it since 3.14.
    is_plain = mask is None and not (renorm or layer.synchronized)
    return bool(training) and layer.trainable and is_plain


def move_statistics(layer: keras.layers.BatchNormalization, mean: Tensor, variance: Tensor) -> None:
    """Has the moving statistics follow those of a batch, the biased variance as Keras does."""
    for moving, found in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
        kept = ops.cast(moving, found.dtype) * layer.momentum
        moving.assign(kept + found * (1 - layer.momentum))
