"""One step of every method on the device at hand, and the exact numbers of the tests' fixture."""

import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

import keras_sam
from keras_sam import methods

sys.path.insert(0, str(Path(__file__).parents[1]))  # The tests hold the numbers.
from tests import conformance, toys
from tests.test_fixture import ROWS

RADIUS, RATE, START = 0.5, 0.1, (3.0, 2.0)
TOLERANCE = 1e-5
BATCH = 32


def check() -> dict[str, list[str]]:
    """Makes the steps, and says of each whether it is as it should be.

    Returns:
        Dictionary: `passed` and `failed`, lists of names, the latter with what was found.
    """
    found: dict[str, list[str]] = {"passed": [], "failed": []}
    for name, options, expected in ROWS:
        gradient = _gradient(name, options)
        is_near = np.allclose(gradient, expected, atol=TOLERANCE)
        _note(found, f"fixture {name} {options}", "" if is_near else f"{gradient}, not {expected}")
    for name in methods.list():
        _note(found, f"step {name}", _trouble(name))
    return found


def _note(found: dict[str, list[str]], name: str, trouble: str) -> None:
    found["failed" if trouble else "passed"].append(f"{name}: {trouble}" if trouble else name)


def _gradient(name: str, options: Any) -> np.ndarray:
    """The gradient that plain SGD got in one step of the quadratic."""
    model = toys.quadratic()
    sam = keras_sam.SAMModel(model, method=methods.get(name, rho=RADIUS, **options))
    sam.compile(keras.optimizers.SGD(RATE), loss=toys.mean_output)
    sam.fit(toys.CURVATURE, toys.NO_TARGET, batch_size=len(toys.CURVATURE), verbose=0)
    return (np.array(START) - keras.ops.convert_to_numpy(model.kernel)) / RATE


def _trouble(name: str) -> str:
    """What is wrong with a step of a method on a small network; empty where nothing is."""
    keras.utils.clear_session()
    network = conformance.suited(name, toys.convnet())
    before = _values(network)
    model = keras_sam.SAMModel(network, method=methods.get(name))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(RATE), loss)
    model.fit(*toys.images(BATCH), batch_size=BATCH, verbose=0)
    after = _values(network)
    if not np.isfinite(after).all():
        return "a weight is not finite"
    return "no weight moved" if np.array_equal(before, after) else ""


def _values(model: keras.Model) -> np.ndarray:
    arrays = (keras.ops.convert_to_numpy(v).ravel() for v in model.trainable_variables)
    return np.concatenate(list(arrays))
