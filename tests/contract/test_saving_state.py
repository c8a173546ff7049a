"""What a method keeps between steps goes on in another backend as it would here."""

import keras
import numpy as np
import pytest

import keras_sam
from tests import conformance
from tests.contract.test_saving import ANOTHER_BACKEND, run_python
from tests.toys import mlp, values, vectors

# A selection: each compiles here and there.
NAMES = ["ae_sam", "friendly", "looksam", "msam", "opt_sam", "sampa", "ssam_f"]

GO_ON = """
import sys
import keras, numpy as np
import keras_sam
from tests.toys import values
data = np.load(sys.argv[1])
ends = {}
for name in sys.argv[2].split(","):
    sam = keras.saving.load_model(f"{sys.argv[1]}_{name}.keras", safe_mode=True)
    sam.train_on_batch(data["x"], data["y"])
    kept = [*sam.base_model.trainable_variables, *keras.tree.flatten(sam.memory.state)]
    ends[name] = np.concatenate([value.ravel() for value in values(kept)])
np.savez(sys.argv[3], **ends)
"""


def end(sam):
    """All weights and all of the method's state, in one vector."""
    kept = [*sam.base_model.trainable_variables, *keras.tree.flatten(sam.memory.state)]
    return np.concatenate([value.ravel() for value in values(kept)])


# That files go from each backend to another is tested in `test_saving.py`, and that the state is
# the same everywhere in `test_backends_agree.py`.
@pytest.mark.once
def test_state_loads_on_another_backend(backend, tmp_path):
    x, y = vectors()
    data, ours = tmp_path / "data.npz", {}
    np.savez(data, x=x, y=y)
    for name in NAMES:
        sam = keras_sam.SAMModel(mlp(), method=conformance.short(name))
        sam.compile(conformance.optimizer(sam.method, 0.05, momentum=0.5), "mse")
        for factor in (1.0, 2.0, 3.0):
            sam.train_on_batch(x, factor * y)
        sam.save(f"{data}_{name}.keras")
        before = end(sam)
        sam.train_on_batch(x, y)
        ours[name] = end(sam)
        assert np.abs(ours[name] - before).max() > 1e-4
    theirs = run_python(GO_ON, ANOTHER_BACKEND[backend], data, ",".join(NAMES))
    for name in NAMES:
        np.testing.assert_allclose(theirs[name], ours[name], rtol=1e-3, atol=1e-5, err_msg=name)
