"""What importing and training keras_sam imports, and what it refuses."""

import pathlib
import subprocess
import sys

import pytest

import keras_sam
from tests import one_backend

PACKAGE = pathlib.Path(keras_sam.__file__).parent
BACKENDS = {"jax", "tensorflow", "torch"}


def run(program, environment):
    """A fresh interpreter that runs `program`."""
    return subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        timeout=300,
    )


PROGRAM = """
import sys
import keras
import numpy as np
packages = lambda: {name.split(".")[0] for name in sys.modules} - sys.stdlib_module_names
of_keras = packages()
import keras_sam
print("imported", *(packages() - of_keras - {"keras_sam"}))
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2), keras.layers.Dropout(0.5)])
sam = keras_sam.SAMModel(model, num_batch_splits=2, log_sharpness=True)
sam.compile("adam", loss="mse", metrics=["mae"])
logs = sam.fit(np.ones((8, 4)), np.ones((8, 2)), verbose=0).history
assert np.isfinite(logs["loss"][0]) and logs["perturbation_norm"][0] > 0
print("trained", *({"jax", "tensorflow", "torch"} & {*sys.modules}))
"""


def test_one_backend_trains_where_the_others_are_missing(backend):
    done = run(PROGRAM, one_backend.environment())
    assert done.stdout.splitlines()[-2:] == ["imported", f"trained {backend}"], done.stderr


@pytest.mark.once
@pytest.mark.parametrize("inference_backend", ["numpy", "openvino"])
def test_backend_that_cannot_train_is_refused(inference_backend):
    # OpenVINO need not be installed: to keras_sam only the name of the backend counts.
    program = (
        f"import keras\nkeras.backend.backend = lambda: {inference_backend!r}\nimport keras_sam\n"
    )
    done = run(program, one_backend.environment())
    assert done.returncode != 0
    error = done.stderr.strip().splitlines()[-1]
    assert error.startswith("ImportError") and "KERAS_BACKEND" in error
    assert all(name in error for name in (*BACKENDS, inference_backend))
