"""The Python on the site's pages runs, where the names that they leave open have a value."""

import pathlib
import re

import keras
import numpy as np
import pytest
from keras import layers

import keras_sam

DOCS = pathlib.Path(__file__).parents[1] / "docs"
EVERYWHERE = "depth/sharpness.md", "start/researcher.md"
ONCE = "depth/federated.md", "depth/methods.md", "index.md", "start/keras.md"


def run(page, names):
    """Runs the blocks of a page, one after the other; a training in them takes one epoch."""
    text = (DOCS / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert blocks, page
    for block in blocks:
        exec(re.sub(r"epochs=\d+", "epochs=1, verbose=0", block), names)


def network(outputs):
    return keras.Sequential([keras.Input((4,)), layers.Dense(5, "tanh"), layers.Dense(outputs)])


@pytest.fixture
def names():
    """A classifier of points, and its data."""
    x, y = np.random.default_rng(0).normal(size=(12, 4)).astype("float32"), np.arange(12) % 3
    model = network(3)
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return {
        "keras": keras,
        "keras_sam": keras_sam,
        "model": model,
        "base_model": model,
        "x": x,
        "y": y,
        "clients": [(x[:6], y[:6]), (x[6:], y[6:])],
        "num_rounds": 1,
    }


@pytest.mark.parametrize(
    "page", [*EVERYWHERE, *(pytest.param(page, marks=pytest.mark.once) for page in ONCE)]
)
def test_pages_run(page, names, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(page, names)


@pytest.mark.once
def test_the_first_example_of_the_readme_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run("../README.md", {})
    assert keras.saving.load_model(tmp_path / "flat.keras").count_params() > 1000


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="the pages are PyTorch's")
@pytest.mark.parametrize("page", ["start/pytorch.md", "depth/own_loops.md"])
def test_pages_of_pytorch_run(page, names):
    import torch

    model, optimizer = network(1), keras.optimizers.SGD(0.1)
    optimizer.build(model.trainable_variables)
    x, y = torch.from_numpy(names["x"]), torch.from_numpy(names["y"])
    names |= {"torch": torch, "F": torch.nn.functional, "module": torch.nn.Linear(4, 3)}
    names |= {"model": model, "optimizer": optimizer, "x": x, "y": y, "loader": [(x, y)] * 2}
    made = keras_sam.SAMStep(model, method="asam").variables_with(optimizer)
    run(page, names | {"state": [variable.value for variable in made]})
