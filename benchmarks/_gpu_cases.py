"""The cases of the GPU benchmark: real `fit` calls and loops by hand, of a batch on the device."""

import functools
import importlib
from typing import Any

import _cases
import _gpu_networks
import keras
import numpy as np

BY_HAND = {"jax": "_gpu_peer_jax", "torch": "_gpu_peer_torch"}


class Repeated(keras.utils.PyDataset):
    """One batch again and again, so that no input pipeline is measured.

    Args:
        batch: `(images, labels)`, which may be on the device already.
        steps: Integer.
    """

    def __init__(self, batch: tuple[Any, Any], steps: int):
        super().__init__()
        self.batch = batch
        self.steps = steps

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self.batch


def build(network: str, name: str, setting: dict[str, Any]) -> _cases.Train:
    """A network that trains in one way.

    Args:
        network: Key of `_gpu_networks.NETWORKS`.
        name: `"plain"` or `"sam"`, by `fit`; behind a peer's name, the step by hand.
        setting: Dictionary with `batch_size`, `tiny` and `compiler`.

    Returns:
        Function of a number of steps, which returns when the device is done.
    """
    keras.config.set_dtype_policy("mixed_bfloat16")
    batch = _batch(setting["batch_size"], setting["tiny"])
    words = name.split()
    if len(words) == 1:
        return _fitted(_cases.ready(name, _gpu_networks.build(network, setting["tiny"])), batch)
    by_hand = importlib.import_module(BY_HAND[keras.backend.backend()])
    return by_hand.build(network, words, setting, batch)


@functools.cache
def _batch(batch_size: int, is_tiny: bool) -> tuple[Any, Any]:
    shape = _gpu_networks.TINY_SHAPE if is_tiny else _gpu_networks.SHAPE
    classes = _gpu_networks.TINY_CLASSES if is_tiny else _gpu_networks.CLASSES
    generator = np.random.default_rng(0)
    images = generator.standard_normal((batch_size, *shape), dtype="float32")
    labels = generator.integers(0, classes, batch_size).astype("int32")
    return keras.ops.convert_to_tensor(images), keras.ops.convert_to_tensor(labels)


def _fitted(model: keras.Model, batch: Any) -> _cases.Train:
    def train(steps: int) -> None:
        # `fit` ends by reading the epoch's loss, so the device is done when it returns.
        model.fit(Repeated(batch, steps), shuffle=False, verbose=0)

    return train
