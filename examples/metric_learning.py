"""Metric learning: pairs of one class are to be nearer to each other than to any other.

KERAS_BACKEND=jax python examples/metric_learning.py
"""

import keras
import numpy as np
from keras import layers, ops

import keras_sam

CLASSES = 8


class Embedder(keras.Model):
    """Maps examples to unit vectors; a step sees an anchor and a positive of each class."""

    def __init__(self, method="sam", **options):
        super().__init__()
        self.network = keras.Sequential(
            [
                keras.Input((16,)),
                layers.Dense(32),
                layers.BatchNormalization(),
                layers.Activation("relu"),
                layers.Dense(8),
                layers.UnitNormalization(),
            ]
        )
        self.sam = keras_sam.SAMStep(self.network, method, **options)
        self.mean_loss = keras.metrics.Mean(name="loss")
        self.built = True

    @property
    def metrics(self):
        return [self.mean_loss]

    def call(self, x, training=False):
        return self.network(x, training=training)

    @keras_sam.neutral_train_step
    def train_step(self, data):
        """One step on pairs of shape (batch, 2, CLASSES, 16)."""
        anchors, positives = data[0][0], data[0][1]

        def loss_fn():
            left, right = self(anchors, training=True), self(positives, training=True)
            similarities = ops.matmul(left, ops.transpose(right)) / 0.2
            return ops.mean(
                keras.losses.sparse_categorical_crossentropy(
                    ops.arange(CLASSES), similarities, from_logits=True
                )
            )

        loss, _ = self.sam.minimize(loss_fn, self.optimizer)
        self.mean_loss.update_state(loss)
        return {"loss": self.mean_loss.result()}


def pairs(steps):
    """An anchor and a positive of each class for each step: (steps, 2, CLASSES, 16)."""
    generator = np.random.default_rng(0)
    centers = generator.normal(size=(CLASSES, 16))
    noise = generator.normal(size=(steps, 2, CLASSES, 16))
    return (centers + 0.7 * noise).astype("float32")


def main(steps=200, epochs=3, verbose=1):
    """Trains on noisy vectors of eight classes; returns the model and its history."""
    model = Embedder(method="asam")
    model.compile(keras.optimizers.Adam(1e-3))
    history = model.fit(pairs(steps), batch_size=1, epochs=epochs, verbose=verbose)
    return model, history


if __name__ == "__main__":
    main()
