"""A GAN: two networks, two optimizers and two sharpness-aware steps in one train_step.

KERAS_BACKEND=jax python examples/gan.py
"""

import keras
import numpy as np
from keras import layers, ops

import keras_sam

LATENT = 8


def discriminator():
    """Points of the plane to a logit: above 0 where they look real."""
    return keras.Sequential(
        [keras.Input((2,)), layers.Dense(32), layers.LeakyReLU(0.2), layers.Dense(1)],
        name="discriminator",
    )


def generator():
    """Noise to points of the plane."""
    return keras.Sequential(
        [keras.Input((LATENT,)), layers.Dense(32, activation="relu"), layers.Dense(2)],
        name="generator",
    )


class GAN(keras.Model):
    """A discriminator and a generator, each with a step and an optimizer of its own."""

    def __init__(self, method="sam", **options):
        super().__init__()
        self.discriminator, self.generator = discriminator(), generator()
        self.d_sam = keras_sam.SAMStep(self.discriminator, method, **options)
        self.g_sam = keras_sam.SAMStep(self.generator, method, **options)
        self.seed_generator = keras.random.SeedGenerator(0)
        self.built = True

    def compile(self, d_optimizer, g_optimizer, **kwargs):
        """Takes two optimizers; Keras knows the generator's as the model's."""
        super().compile(optimizer=g_optimizer, **kwargs)
        g_optimizer.build(self.generator.trainable_variables)
        d_optimizer.build(self.discriminator.trainable_variables)
        self.d_optimizer = d_optimizer
        # Tracked, so that they are saved, and part of the state that JAX hands on.
        self.d_optimizer_variables = d_optimizer.variables

    @keras_sam.neutral_train_step
    def train_step(self, real):
        """The discriminator's step, and the generator's against it."""
        shape = (ops.shape(real)[0], LATENT)
        noise = keras.random.normal(shape, seed=self.seed_generator)
        logistic = keras.losses.BinaryCrossentropy(from_logits=True)

        def d_loss_fn():
            fake = ops.stop_gradient(self.generator(noise, training=True))
            logits = self.discriminator(ops.concatenate([real, fake]), training=True)
            labels = ops.concatenate([ops.ones((shape[0], 1)), ops.zeros((shape[0], 1))])
            return logistic(labels, logits)

        def g_loss_fn():
            logits = self.discriminator(self.generator(noise, training=True), training=True)
            return logistic(ops.ones((shape[0], 1)), logits)

        d_loss, _ = self.d_sam.minimize(d_loss_fn, self.d_optimizer)
        g_loss, _ = self.g_sam.minimize(g_loss_fn, self.optimizer)
        return {"d_loss": d_loss, "g_loss": g_loss}


def main(count=2048, epochs=5, verbose=1):
    """Learns points on a circle; returns the model and its history."""
    angles = np.random.default_rng(0).uniform(0, 2 * np.pi, count)
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype("float32")
    model = GAN(rho=0.01)
    model.compile(keras.optimizers.Adam(2e-3), keras.optimizers.Adam(1e-3))
    history = model.fit(points, batch_size=64, epochs=epochs, verbose=verbose)
    return model, history


if __name__ == "__main__":
    main()
