"""Trains with the installed wheel alone; `make wheel-test` builds and installs it."""

import importlib.util
from importlib.resources import files

import keras

import keras_sam
from keras_sam import datasets, models

PACKAGES = ("flags", "presets", "report", "results", "sharpness", "sweep", "training")

root = files(keras_sam)
assert "site-packages" in str(root), f"This is not the installed wheel. Received: {root}"
assert (root / "py.typed").is_file(), "py.typed is missing"
for name in PACKAGES:
    assert importlib.util.find_spec(f"keras_sam.experiments.{name}"), f"{name} is missing"

digits = datasets.digits()
model = keras_sam.SAMModel(models.convnet(), rho=0.05)
model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
history = model.fit(digits.x_train, digits.y_train, epochs=2, verbose=2).history
assert history["loss"][-1] < history["loss"][0], f"It does not learn. Received: {history}"
