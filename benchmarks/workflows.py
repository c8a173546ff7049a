"""Ten kinds of models, trained as they are and wrapped: the same code, and what comes of it.

    KERAS_BACKEND=jax python benchmarks/workflows.py

trains each small network on random data three times from the same weights: by plain `fit`, wrapped
with a radius of 0, and wrapped with one of 0.05. It prints the loss of each, and by how much the
weights of the first two differ, relative to the longest: rounding, but for a table of embeddings on
TensorFlow, of which plain Keras squares each repeated row's gradient before it adds them up. A
minute or two on one core. Three kinds have a train_step of their own, from `examples/`; plain is
there a method that does not begin.
"""

import importlib.util
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import keras
import numpy as np
from keras import layers, ops
from tabulate import tabulate

import keras_sam

EXAMPLES = Path(__file__).parents[1] / "examples"
EXAMPLES_OF_A_KIND, BATCH, EPOCHS = 32, 8, 2
NEVER = 10**9  # Updates after which a method begins.


class Kind(NamedTuple):
    """A kind of model: how to build and compile one, and its data."""

    build: Callable[[], keras.Model]
    compiled: dict[str, Any]
    data: tuple[Any, ...]


def normal(*shape):
    """Random numbers, the same ones for each call with a shape."""
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def classes(number, *shape):
    """Random classes."""
    return np.random.default_rng(1).integers(0, number, shape)


def vision_transformer():
    image = keras.Input((16, 16, 3))
    x = layers.Conv2D(16, 4, strides=4)(image)
    x = layers.Reshape((16, 16))(x)
    for _ in range(2):
        y = layers.LayerNormalization()(x)
        x = x + layers.MultiHeadAttention(2, 8, dropout=0.1)(y, y)
        y = layers.Dense(32, activation="gelu")(layers.LayerNormalization()(x))
        x = x + layers.Dense(16)(layers.Dropout(0.1)(y))
    return keras.Model(image, layers.Dense(3)(layers.GlobalAveragePooling1D()(x)))


def text_transformer():
    words = keras.Input((12,), dtype="int32")
    x = layers.Embedding(50, 16, mask_zero=True)(words)
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 8)(x, x))
    return keras.Model(words, layers.Dense(3)(layers.GlobalAveragePooling1D()(x)))


def recurrent():
    series = keras.Input((10, 4))
    x = layers.Bidirectional(layers.LSTM(8, return_sequences=True))(series)
    return keras.Model(series, layers.Dense(1)(layers.LSTM(8)(x)))


def next_frame():
    frames = keras.Input((4, 8, 8, 1))
    x = layers.ConvLSTM2D(4, 3, padding="same", return_sequences=True)(frames)
    x = layers.BatchNormalization()(x)
    return keras.Model(frames, layers.Conv3D(1, 3, padding="same", activation="sigmoid")(x))


def u_net():
    image = keras.Input((16, 16, 3))
    fine = layers.Conv2D(8, 3, padding="same", activation="relu")(image)
    x = layers.SeparableConv2D(16, 3, strides=2, padding="same")(fine)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Conv2DTranspose(8, 3, strides=2, padding="same")(x)
    x = layers.Concatenate()([x, fine])
    return keras.Model(image, layers.Conv2D(4, 1)(x))


def siamese():
    encoder = keras.Sequential([keras.Input((6,)), layers.Dense(8, "tanh"), layers.Dense(4)])
    left, right = keras.Input((6,)), keras.Input((6,))
    apart = ops.sum(ops.square(encoder(left) - encoder(right)), axis=1, keepdims=True)
    return keras.Model([left, right], layers.Dense(1)(apart))


def distillation():
    def network(width):
        stack = [keras.Input((6,)), layers.Dense(width, "relu"), layers.Dense(3)]
        return keras.Sequential(stack)

    soft = keras.distillation.LogitsDistillation(temperature=3.0)
    return keras.distillation.Distiller(network(16), network(4), distillation_losses=soft)


def example_of(name):
    """The module of a file in `examples/`."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
IMAGES = normal(EXAMPLES_OF_A_KIND, 16, 16, 3)
LABELS = classes(3, EXAMPLES_OF_A_KIND)
KINDS = {
    "vision transformer": Kind(vision_transformer, {"loss": LOGITS}, (IMAGES, LABELS)),
    "text transformer": Kind(
        text_transformer, {"loss": LOGITS}, (classes(50, EXAMPLES_OF_A_KIND, 12), LABELS)
    ),
    "LSTM": Kind(
        recurrent, {"loss": "mse"}, (normal(EXAMPLES_OF_A_KIND, 10, 4), normal(EXAMPLES_OF_A_KIND))
    ),
    "ConvLSTM": Kind(
        next_frame,
        {"loss": "binary_crossentropy"},
        (normal(EXAMPLES_OF_A_KIND, 4, 8, 8, 1), classes(2, EXAMPLES_OF_A_KIND, 4, 8, 8, 1)),
    ),
    "U-Net": Kind(u_net, {"loss": LOGITS}, (IMAGES, classes(4, EXAMPLES_OF_A_KIND, 16, 16))),
    "siamese": Kind(
        siamese,
        {"loss": keras.losses.BinaryCrossentropy(from_logits=True)},
        ([normal(EXAMPLES_OF_A_KIND, 6), 1 + normal(EXAMPLES_OF_A_KIND, 6)], LABELS > 0),
    ),
    "distillation": Kind(distillation, {"loss": LOGITS}, (normal(EXAMPLES_OF_A_KIND, 6), LABELS)),
}


def trained(kind: Kind, rho: float | None) -> tuple[float, list[np.ndarray]]:
    """Loss of the last epoch and weights; plain where the radius is `None`."""
    keras.utils.set_random_seed(0)
    base = kind.build()
    model = base if rho is None else keras_sam.SAMModel(base, rho=rho)
    model.compile(keras.optimizers.Adam(1e-3), **kind.compiled)
    options = {"batch_size": BATCH, "epochs": EPOCHS, "shuffle": False, "verbose": 0}
    return model.fit(*kind.data, **options).history["loss"][-1], base.get_weights()


def with_own_step(name: str, rho: float | None) -> tuple[float, list[np.ndarray]]:
    """As `trained`, of an example with a train_step of its own."""
    keras.utils.set_random_seed(0)
    example, options = example_of(name), {"rho": rho or 0.0, "start": NEVER if rho is None else 0}
    fit = {"epochs": EPOCHS, "verbose": 0}
    rates = [keras.optimizers.Adam(1e-3) for _ in range(2)]
    if name == "vae":
        model, data = example.VAE(**options), np.float32(normal(64, 28, 28, 1) > 0)
        model.compile(rates[0])
    elif name == "gan":
        model, data = example.GAN(**options), normal(64, 2)
        model.compile(*rates)
    else:
        model, data = example.Embedder(**options), example.pairs(16)
        model.compile(rates[0])
        fit["batch_size"] = 1
    history = model.fit(data, **fit).history
    return history[next(key for key in history if "loss" in key)][-1], model.get_weights()


def row(name: str, train: Callable[[float | None], tuple[float, list[np.ndarray]]]) -> list[Any]:
    """A line of the table."""
    losses, weights = zip(*(train(rho) for rho in (None, 0.0, 0.05)))
    apart, largest = 0.0, 0.0
    for plain, wrapped in zip(*weights[:2], strict=True):
        apart = max(apart, float(np.abs(plain - wrapped).max()))
        largest = max(largest, float(np.abs(plain).max()))
    return [name, *losses, apart / largest]


def main() -> None:
    """Trains, and prints."""
    rows = [row(name, partial(trained, kind)) for name, kind in KINDS.items()]
    own = {"VAE": "vae", "GAN": "gan", "metric learning": "metric_learning"}
    rows += [row(kind, partial(with_own_step, name)) for kind, name in own.items()]
    head = ["model", "plain: loss", "rho 0", "rho 0.05", "plain and rho 0 apart"]
    print(tabulate(rows, head, floatfmt=("", ".4f", ".4f", ".4f", ".1e")))


if __name__ == "__main__":
    main()
