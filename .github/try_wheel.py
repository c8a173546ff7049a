"""Trains with the installed wheel alone; `make wheel-test` builds and installs it."""

import importlib.util
import tempfile
from importlib.resources import files

import keras_sam
from keras_sam import experiments

PACKAGES = ("flags", "presets", "report", "results", "sharpness", "sweep", "training")

root = files(keras_sam)
assert "site-packages" in str(root), f"This is not the installed wheel. Received: {root}"
assert (root / "py.typed").is_file(), "py.typed is missing"
for name in PACKAGES:
    assert importlib.util.find_spec(f"keras_sam.experiments.{name}"), f"{name} is missing"

with tempfile.TemporaryDirectory() as folder:
    settings = {"dataset": "digits", "model": "convnet", "label_noise": 0.2}
    runs = experiments.train(compare=["sgd", "sam:0.5"], epochs=3, workdir=folder, **settings)
    assert all(run.finished for run in runs), f"Not all runs ended. Received: {runs}"
    for run in runs:
        loss = [line["loss"] for line in run.history()]
        assert loss[-1] < loss[0], f"{run.settings['method']} does not learn. Received: {loss}"
