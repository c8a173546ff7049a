"""Methods of every kind go on where they stopped, through the app.

That the state of each goes through a file is tested in `tests/contract/test_saving.py`.
"""

import keras
import numpy as np
import pytest
from keras import layers

from keras_sam import methods
from keras_sam.experiments.training import building, comparison
from tests.selection import representatives

from .conftest import TIMES, metrics, start, stop_after_first_epoch, weights

SMALL = ("--num_train=48", "--num_test=20", "--batch_size=16", "--epochs=2", "--verbose=0")
# On every backend: it keeps a batch.
MARKED = [
    pytest.param(name, marks=pytest.mark.everywhere) if name == "sampa" else name
    for name in sorted(representatives(methods.list()))
]


def tiny(settings, dataset):
    """A network that trains in no time."""
    inputs = keras.Input(dataset.input_shape)
    hidden = layers.Dense(4, activation="tanh")(layers.Flatten()(inputs))
    hidden = layers.LayerNormalization()(hidden)  # Some methods perturb it alone.
    return keras.Model(inputs, layers.Dense(dataset.num_classes)(hidden))


@pytest.mark.parametrize("method", MARKED)
def test_every_kind_of_method_resumes(method, tmp_path, monkeypatch):
    monkeypatch.setattr(building, "base_model", tiny)
    # What takes the most time, and is not what is tested.
    monkeypatch.setattr(comparison, "_sum_up", lambda *arguments: None)
    unbroken, stopped = tmp_path / "unbroken", tmp_path / "stopped"
    start(f"--method={method}", f"--workdir={unbroken}", first=SMALL)
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        stop_after_first_epoch(patch)
        start(f"--method={method}", f"--workdir={stopped}", first=SMALL)
    keras.utils.set_random_seed(77)  # As another process would have drawn other numbers.
    start(f"--method={method}", f"--workdir={stopped}", "--resume", first=SMALL)
    ours, theirs = (folder / method / "seed_0" for folder in (stopped, unbroken))
    assert metrics(ours, but=TIMES) == metrics(theirs, but=TIMES)
    for one, other in zip(weights(ours), weights(theirs), strict=True):
        np.testing.assert_array_equal(one, other)
