"""Measures a step of `SAMStep` in a train_step of one's own beside `SAMModel`'s.

    KERAS_BACKEND=jax python benchmarks/own_step.py

trains a ResNet-8 on random images by real `fit` calls that take turns in one run, and prints the
median of the ratios and whether the weights agree. Expect 1.0, after a minute on two cores.
"""

import os
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# PyTorch's threads spin while they wait, at the cost of whatever else runs.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import keras
import numpy as np
from _timing import spread, take_turns

import keras_sam
from keras_sam.models.resnet import resnet_cifar

BATCH, STEPS, BLOCKS = 16, 5, 6


class Own(keras.Model):
    """The model's training, written by hand."""

    def __init__(self, model):
        super().__init__()
        self.model = model
        self.step = keras_sam.SAMStep(model)
        self.built = True

    def call(self, x, training=False):
        return self.model(x, training=training)

    @keras_sam.neutral_train_step
    def train_step(self, data):
        x, y = data

        def loss_fn():
            predictions = self.model(x, training=True)
            return self.compute_loss(x, y, predictions), predictions

        loss, predictions = self.step.minimize(loss_fn, self.optimizer)
        self._loss_tracker.update_state(loss)
        return self.compute_metrics(x, y, predictions)


def main():
    """Takes turns, and prints."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(BATCH * STEPS, 32, 32, 3)).astype("float32")
    y = generator.integers(0, 10, len(x))
    base = resnet_cifar(8, (32, 32, 3), num_classes=10)
    other = keras.models.clone_model(base)
    other.set_weights(base.get_weights())
    models: dict[str, Any] = {"SAMModel": keras_sam.SAMModel(base), "SAMStep": Own(other)}
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    cases = {}
    for name, model in models.items():
        model.compile(keras.optimizers.SGD(0.01, momentum=0.9), loss, metrics=["accuracy"])
        cases[name] = lambda _, model=model: model.fit(
            x, y, batch_size=BATCH, shuffle=False, verbose=0
        )
    models["SAMModel"].fit(x, y, batch_size=BATCH, shuffle=False, verbose=0)
    models["SAMStep"].fit(x, y, batch_size=BATCH, shuffle=False, verbose=0)
    pairs = zip(base.get_weights(), other.get_weights(), strict=True)
    difference = max(float(np.abs(a - b).max()) for a, b in pairs)
    turns = take_turns(cases, BLOCKS, STEPS)
    print(f"{keras.backend.backend()}: largest difference of the weights {difference:.1e}")
    for column, what in enumerate(("time", "processor time")):
        ratio = spread(turns["SAMStep"][:, column] / turns["SAMModel"][:, column])
        print(f"{what} of SAMStep over SAMModel: {ratio['median']:.3f}", ratio)


if __name__ == "__main__":
    main()
