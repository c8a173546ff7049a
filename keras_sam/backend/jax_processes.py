"""One training by several JAX processes, which `keras.distribution.initialize` brings together.

Their devices hold global arrays, and XLA averages: the step is that of one process. What is left
to see to is that all of them make the same step.
"""

import json
from typing import Any

import keras
import numpy as np
from jax.experimental import multihost_utils


def is_shared(model: keras.Model) -> bool:
    """See `keras_sam.backend.one_process.is_shared`."""
    return any(not variable.value.is_fully_addressable for variable in model.variables)


def told_to_all(facts: dict[str, str]) -> list[dict[str, str]]:
    """See `keras_sam.backend.one_process.told_to_all`; arrays alone travel, and of equal shape."""
    text = np.frombuffer(json.dumps(facts).encode(), "uint8")
    sizes = _gathered(np.array([len(text)]))[:, 0]
    texts = _gathered(np.pad(text, (0, sizes.max() - len(text))))
    return [json.loads(bytes(told[:size])) for told, size in zip(texts, sizes, strict=True)]


def _gathered(array: Any) -> np.ndarray:
    """The array of each process, one a row."""
    return np.asarray(multihost_utils.process_allgather(array))
