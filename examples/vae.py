"""A variational autoencoder with a train_step of its own, trained for a flat minimum.

    KERAS_BACKEND=jax python examples/vae.py

trains on random images for a minute; the same file runs on TensorFlow and on PyTorch.
"""

import keras
import numpy as np
from keras import layers, ops

import keras_sam


class Sampling(layers.Layer):
    """Draws from the normal distribution of a mean and a log variance."""

    def __init__(self, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs):
        mean, log_var = inputs
        noise = keras.random.normal(ops.shape(mean), seed=self.seed_generator)
        return mean + ops.exp(0.5 * log_var) * noise


def encoder(latent_dim):
    """Images (batch, 28, 28, 1) to means, log variances and a sample."""
    image = keras.Input((28, 28, 1))
    x = layers.Conv2D(8, 3, activation="relu", strides=4, padding="same")(image)
    x = layers.Dense(16, activation="relu")(layers.Flatten()(x))
    mean, log_var = layers.Dense(latent_dim)(x), layers.Dense(latent_dim)(x)
    return keras.Model(image, [mean, log_var, Sampling()([mean, log_var])], name="encoder")


def decoder(latent_dim):
    """Latent vectors to images."""
    latent = keras.Input((latent_dim,))
    x = layers.Dense(7 * 7 * 8, activation="relu")(latent)
    x = layers.Reshape((7, 7, 8))(x)
    x = layers.Conv2DTranspose(1, 4, activation="sigmoid", strides=4, padding="same")(x)
    return keras.Model(latent, x, name="decoder")


class VAE(keras.Model):
    """Encoder and decoder, and the step that trains both."""

    def __init__(self, latent_dim=2, method="sam", **options):
        super().__init__()
        self.encoder, self.decoder = encoder(latent_dim), decoder(latent_dim)
        self.sam = keras_sam.SAMStep([self.encoder, self.decoder], method, **options)
        self.reconstruction = keras.metrics.Mean(name="reconstruction_loss")
        self.kl = keras.metrics.Mean(name="kl_loss")
        self.built = True

    @property
    def metrics(self):
        return [self.reconstruction, self.kl]

    @keras_sam.neutral_train_step
    def train_step(self, images):
        """One step: the loss function is evaluated as often as the method asks for it."""

        def loss_fn():
            mean, log_var, latent = self.encoder(images, training=True)
            pixels = keras.losses.binary_crossentropy(images, self.decoder(latent, training=True))
            reconstruction = ops.mean(ops.sum(pixels, axis=(1, 2)))
            distances = 1 + log_var - ops.square(mean) - ops.exp(log_var)
            kl = -0.5 * ops.mean(ops.sum(distances, axis=1))
            return reconstruction + kl, (reconstruction, kl)

        loss, (reconstruction, kl) = self.sam.minimize(loss_fn, self.optimizer)
        self.reconstruction.update_state(reconstruction)
        self.kl.update_state(kl)
        return {"loss": loss, "reconstruction_loss": self.reconstruction.result()}


def main(count=512, epochs=3, verbose=1):
    """Trains on random images of bars; returns the model and its history."""
    generator = np.random.default_rng(0)
    images = np.zeros((count, 28, 28, 1), "float32")
    for image, column in zip(images, generator.integers(0, 24, count)):
        image[:, column : column + 4] = 1.0
    model = VAE(rho=0.05)
    model.compile(keras.optimizers.Adam(1e-3))
    history = model.fit(images, batch_size=64, epochs=epochs, verbose=verbose)
    return model, history


if __name__ == "__main__":
    main()
