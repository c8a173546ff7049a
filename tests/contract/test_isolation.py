"""What importing and training keras_sam imports, and what it refuses."""

import ast
import os
import pathlib
import subprocess
import sys

import pytest

import keras_sam

PACKAGE = pathlib.Path(keras_sam.__file__).parent
BACKENDS = {"jax", "tensorflow", "torch"}
HEAVY = ["matplotlib", "sklearn", "tensorflow_datasets", "keras_cv", "keras_hub", "scipy"]
EXTRAS = ("sharpness", "models", "datasets")


def run(program, backend):
    """A fresh interpreter that runs `program` on `backend`."""
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "KERAS_BACKEND": backend},
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        timeout=300,
    )


PROGRAM = """
import sys
from importlib.machinery import ModuleSpec

class Missing:
    '''Finder and loader of the modules that cannot be imported.'''
    def find_spec(self, name, path=None, target=None):
        return ModuleSpec(name, self) if name.split(".")[0] in BLOCKED else None
    def create_module(self, spec):
        raise ModuleNotFoundError(f"No module named {spec.name!r}", name=spec.name)
    exec_module = create_module

sys.meta_path.insert(0, Missing())
import keras
import numpy as np
of_keras = set(sys.modules)
import keras_sam
print("imported", *(name for name in HEAVY if name in set(sys.modules) - of_keras))
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2), keras.layers.Dropout(0.5)])
sam = keras_sam.SAMModel(model, num_batch_splits=2, log_sharpness=True)
sam.compile("adam", loss="mse", metrics=["mae"])
logs = sam.fit(np.ones((8, 4)), np.ones((8, 2)), verbose=0).history
assert np.isfinite(logs["loss"][0]) and logs["perturbation_norm"][0] > 0
print("trained", *(name for name in BLOCKED if name in sys.modules))
"""


def test_one_backend_trains_where_the_others_are_missing(backend):
    names = f"BLOCKED = {sorted(BACKENDS - {backend})!r}\nHEAVY = {HEAVY!r}\n"
    done = run(names + PROGRAM, backend)
    assert done.stdout.splitlines()[-2:] == ["imported", "trained"], done.stderr


@pytest.mark.once
@pytest.mark.parametrize("inference_backend", ["numpy", "openvino"])
def test_backend_that_cannot_train_is_refused(inference_backend):
    # OpenVINO need not be installed: to keras_sam only the name of the backend counts.
    program = (
        f"import keras\nkeras.backend.backend = lambda: {inference_backend!r}\nimport keras_sam\n"
    )
    done = run(program, "numpy")
    assert done.returncode != 0
    error = done.stderr.strip().splitlines()[-1]
    assert error.startswith("ImportError") and "KERAS_BACKEND" in error
    assert all(name in error for name in (*BACKENDS, inference_backend))


def imports_of(path):
    """Top-level names and full names of all modules that a file imports, at any depth."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


FILES = sorted(PACKAGE.rglob("*.py"))
CORE = [path for path in FILES if path.relative_to(PACKAGE).parts[0] not in EXTRAS]
INNER = [path for path in CORE if path != PACKAGE / "__init__.py"]  # It lists all public names.


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_core_imports_keras_and_numpy_only(path):
    allowed = {"keras", "keras_sam", "numpy", "absl"} | sys.stdlib_module_names
    if path.parent.name == "backend":
        allowed = allowed | ({path.stem.split("_")[0]} & BACKENDS)  # jax.py, jax_something.py
    assert {name.split(".")[0] for name in imports_of(path)} <= allowed


@pytest.mark.parametrize("path", INNER, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_core_does_not_know_the_extras(path):
    extras = tuple(f"keras_sam.{part}" for part in EXTRAS)
    assert not [name for name in imports_of(path) if name.startswith(extras)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_file_reaches_into_keras(path):
    assert "keras.src" not in path.read_text()
