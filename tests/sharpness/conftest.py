"""Objectives that many tests of sharpness share."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_sam import sharpness
from tests import toys


@pytest.fixture
def quadratic():
    """The objective 1/2 w'Aw with A = diag(1, 2), at w = (3, 2)."""
    model = toys.quadratic()
    return sharpness.Objective(model, toys.CURVATURE, toys.NO_TARGET, loss=toys.mean_output)


@pytest.fixture
def classifier():
    """A small tanh network for four numbers and three classes, with logits."""
    inputs = keras.Input((4,))
    hidden = layers.Dense(3, activation="tanh", name="hidden")(inputs)
    model = keras.Model(inputs, layers.Dense(3, name="logits")(hidden))
    draw = np.random.default_rng(1).normal  # The same on every backend.
    model.set_weights([draw(scale=0.6, size=weight.shape) for weight in model.get_weights()])
    return toys.compiled(model, metrics=None)


@pytest.fixture
def examples():
    """Ten examples for the classifier."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(10, 4)).astype("float32")
    return x, generator.integers(0, 3, 10)
