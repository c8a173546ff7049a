"""A ResNet-8 with BatchNorm makes the same step, and every method the same steps, everywhere."""

import importlib.util
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import pytest

from tests import one_backend

BACKENDS = ("jax", "tensorflow", "torch")

# Weights and batch come from NumPy, so that every backend starts from the same.
RESNET = """
import sys
import keras
import numpy as np
import keras_sam
from keras_sam.models.resnet import resnet_cifar
from tests.toys import values

generator = np.random.default_rng(0)
x = generator.normal(size=(8, 16, 16, 3)).astype("float32")
y = generator.integers(0, 4, 8)
base_model = resnet_cifar(8, (16, 16, 3), num_classes=4)
start = [
    variable.numpy() if variable.name in ("gamma", "beta", "moving_mean", "moving_variance")
    else generator.normal(size=variable.shape, scale=np.prod(variable.shape[:-1]) ** -0.5)
    for variable in base_model.weights
]
base_model.set_weights(start)
sam = keras_sam.SAMModel(base_model)
sam.compile(keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
before = values(base_model.weights)
sam.train_on_batch(x, y)
changes = [new - old for new, old in zip(values(base_model.weights), before)]
np.savez(sys.argv[1], sam=np.concatenate([change.ravel() for change in changes]))
"""

# Three steps of every method that draws no numbers, and of its variants; their state is in it.
# JAX shows that all of them can be compiled; on TensorFlow that would take longer than the rest.
EVERY_METHOD = """
import sys
import keras
import numpy as np
import keras_sam
from tests import conformance
from tests.selection import deterministic_methods
from tests.toys import mlp, values, vectors

x, y = vectors(8)
generator = np.random.default_rng(1)
base_model = mlp()
start = [generator.normal(size=v.shape, scale=0.5) for v in base_model.weights]
updates = {}
for name, method in deterministic_methods().items():
    base_model.set_weights(start)
    sam = keras_sam.SAMModel(base_model, method=method)
    optimizer = conformance.optimizer(method, 0.05, momentum=0.5)
    sam.compile(optimizer, "mse", run_eagerly=keras.backend.backend() == "tensorflow")
    for factor in (1.0, 2.0, 3.0):
        sam.train_on_batch(x, factor * y)
    weights = [after - before for after, before in zip(values(base_model.weights), start)]
    state = [] if sam.memory is None else values(keras.tree.flatten(sam.memory.state))
    updates[name] = np.concatenate([part.ravel() for part in weights + state])
np.savez(sys.argv[2], **updates)
"""


def updates_on(backend):
    """What both programs make of the weights, in one process of the backend's own."""
    with tempfile.TemporaryDirectory() as folder:
        files = [pathlib.Path(folder) / name for name in ("resnet.npz", "methods.npz")]
        done = subprocess.run(
            [sys.executable, "-c", f"{RESNET}\n{EVERY_METHOD}", *map(str, files)],
            env=one_backend.environment(backend),
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, done.stderr
        return [dict(np.load(file)) for file in files]


def installed_backends(backend):
    """All of them, on the first one; the others skip."""
    installed = [name for name in BACKENDS if importlib.util.find_spec(name)]
    if len(installed) < 2 or backend != installed[0]:
        pytest.skip("runs once, on the first of the installed backends")
    return installed


def test_steps_are_the_same_on_every_backend(backend):
    installed = installed_backends(backend)
    references, *others = [updates_on(name) for name in installed]
    assert len(references[0]) == 1 and len(references[1]) >= 40
    for program, reference in enumerate(references):
        for method, expected in reference.items():
            assert np.linalg.norm(expected) > 0.01
            for name, other in zip(installed[1:], others, strict=True):
                difference = np.linalg.norm(other[program][method] - expected)
                assert difference < 1e-4 * np.linalg.norm(expected), (method, name, difference)
