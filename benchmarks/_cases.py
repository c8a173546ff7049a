"""The Keras cases of the step-time benchmark: a compiled model each, trained by `fit`."""

from collections.abc import Callable
from typing import Any, TypeAlias

import keras
import numpy as np

import keras_sam
from keras_sam import methods, models

IMAGE_SHAPE = (32, 32, 3)
NUM_CLASSES = 10
LEARNING_RATE = 0.01
MOMENTUM = 0.9
RHO = 0.05

METHODS: dict[str, tuple[str, dict[str, Any]] | None] = {
    "plain": None,
    "sam": ("sam", {}),
    "every=5": ("sam", {"every": 5}),
    "multistep=5": ("multistep", {"steps": 5}),
}

Data: TypeAlias = tuple[np.ndarray, np.ndarray]  # Images and labels.
Train: TypeAlias = Callable[[int], object]  # For a number of steps.


def random_data(batch_size: int, steps: int) -> Data:
    """Images and labels of `steps` batches, without any pattern.

    Args:
        batch_size: Integer, images a step.
        steps: Integer.

    Returns:
        `(images, labels)`: a float32 array (examples, 32, 32, 3) and an integer array.
    """
    generator = np.random.default_rng(0)
    shape = (batch_size * steps, *IMAGE_SHAPE)
    images = generator.standard_normal(shape, dtype="float32")
    return images, generator.integers(0, NUM_CLASSES, len(images)).astype("int32")


def compiled(name: str, model_name: str, jit_compile: bool | str = "auto") -> keras.Model:
    """A model that is ready to train in one of the ways of `METHODS`.

    Args:
        name: Key of `METHODS`.
        model_name: Name from `keras_sam.models.list()`.
        jit_compile: `True`, `False`, or `"auto"` for what Keras chooses. Defaults to `"auto"`.

    Returns:
        Compiled model.
    """
    return ready(name, models.get(model_name, IMAGE_SHAPE, NUM_CLASSES), jit_compile)


def ready(name: str, model: keras.Model, jit_compile: bool | str = "auto") -> keras.Model:
    """The model, compiled to train in one of the ways of `METHODS`.

    Args:
        name: Key of `METHODS`.
        model: Keras model with logits.
        jit_compile: As of `compiled`.

    Returns:
        Compiled model: itself, or a `SAMModel` of it.
    """
    chosen = METHODS[name]
    if chosen is not None:
        method, options = chosen
        model = keras_sam.SAMModel(model, method=methods.get(method, rho=RHO, **options))
    model.compile(
        optimizer=keras.optimizers.SGD(LEARNING_RATE, momentum=MOMENTUM),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=jit_compile,
    )
    return model


def build(
    name: str, model_name: str, batch_size: int, data: Data, jit_compile: bool | str = "auto"
) -> Train:
    """A model that trains in one of the ways of `METHODS`.

    Args:
        name: Key of `METHODS`.
        model_name: Name from `keras_sam.models.list()`.
        batch_size: Integer, images a step.
        data: `(images, labels)`.
        jit_compile: As of `compiled`.

    Returns:
        Function of a number of steps that trains for these and returns when they are done.
    """
    model = compiled(name, model_name, jit_compile)
    images, labels = data

    def train(steps: int) -> None:
        count = steps * batch_size
        # `fit` ends by reading the epoch's loss, so the device is done when it returns.
        model.fit(images[:count], labels[:count], batch_size=batch_size, verbose=0)

    return train
