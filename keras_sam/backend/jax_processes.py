"""One training by several JAX processes, which `keras.distribution.initialize` brings together.

Their devices hold global arrays, and XLA averages: the step is that of one process. What is left
to see to is that all of them make the same step.
"""

import contextlib
import json
import pickle
from collections.abc import Iterator
from typing import Any

import jax
import keras
import numpy as np
from jax.experimental import multihost_utils


def is_shared(model: keras.Model) -> bool:
    """See `keras_sam.backend.one_process.is_shared`."""
    return any(not variable.value.is_fully_addressable for variable in model.variables)


@contextlib.contextmanager
def joined(seconds: float) -> Iterator[None]:
    """See `keras_sam.backend.one_process.joined`; JAX itself ends all where one ends."""
    del seconds
    try:
        keras.distribution.initialize()
    except (RuntimeError, ValueError) as error:
        raise ValueError(
            "Processes must find each other at the address and port of the first: give all the "
            "same KERAS_DISTRIBUTION_JOB_ADDRESSES and KERAS_DISTRIBUTION_NUM_PROCESSES, and each "
            f"a KERAS_DISTRIBUTION_PROCESS_ID of its own, from 0. Received: {error}"
        ) from error
    yield
    jax.distributed.shutdown()


def told_by_first(fact: Any) -> Any:
    """See `keras_sam.backend.one_process.told_by_first`."""
    if jax.process_count() == 1:
        return fact
    text = pickle.dumps(fact) if jax.process_index() == 0 else b""
    return pickle.loads(_texts_of_all(text)[0])


def told_to_all(facts: dict[str, str]) -> list[dict[str, str]]:
    """See `keras_sam.backend.one_process.told_to_all`."""
    return [json.loads(text) for text in _texts_of_all(json.dumps(facts).encode())]


def _texts_of_all(text: bytes) -> list[bytes]:
    """What each process says; arrays alone travel, and of equal shape."""
    sizes = _gathered(np.array([len(text)]))[:, 0]
    texts = _gathered(np.frombuffer(text.ljust(sizes.max(), b"\0"), "uint8"))
    return [bytes(told[:size]) for told, size in zip(texts, sizes, strict=True)]


def _gathered(array: Any) -> np.ndarray:
    """The array of each process, one a row."""
    return np.asarray(multihost_utils.process_allgather(array))
