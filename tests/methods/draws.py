"""Random numbers that a test knows, and what ascents do without a step around them."""

import itertools
import types

import keras
import numpy as np
from keras import ops

from keras_sam import tensors
from keras_sam.roles import roles_of


def fix(monkeypatch, *values):
    """From here on the library draws these, one after the other and over again.

    Args:
        monkeypatch: The fixture.
        *values: Arrays, one for each tensor of each draw.
    """
    endless = itertools.cycle(values)

    def normal_like(vector, seed):
        return [ops.convert_to_tensor(next(endless), "float32") for _ in vector]

    def uniform(shape, minval=0.0, maxval=1.0, dtype=None, seed=None):
        return ops.convert_to_tensor(next(endless), "float32")

    monkeypatch.setattr(tensors, "normal_like", normal_like)
    monkeypatch.setattr(keras.random, "uniform", uniform)


def drawn_by(draw, model, rho=0.5):
    """What `draw(oracle, context)` gives around a model's weights, as NumPy arrays."""
    roles = roles_of(model)
    weights = tensors.values([role.variable for role in roles])
    oracle = types.SimpleNamespace(weights=weights, roles=roles)
    seed = keras.random.SeedGenerator(0)
    context = types.SimpleNamespace(rho=ops.convert_to_tensor(rho), seed=seed, optimizer=None)
    return [ops.convert_to_numpy(tensor) for tensor in draw(oracle, context)]


def gradients_for(model, powers=None, ratio=1.0):
    """Random gradients; of the norms `ratio ** power` where powers are given."""
    generator = np.random.default_rng(1)
    drawn = [generator.normal(size=tuple(v.shape)) for v in model.trainable_variables]
    if powers is None:
        return drawn
    return [g / np.linalg.norm(g) * ratio**power for g, power in zip(drawn, powers, strict=True)]


def perturbation(ascent, model, gradients, rho=0.5):
    """What the ascent makes of gradients for a model's weights."""
    tensors = [ops.convert_to_tensor(g, "float32") for g in gradients]
    weights = [variable.value for variable in model.trainable_variables]
    found = ascent.direction(tensors, weights, rho, roles_of(model))
    return [ops.convert_to_numpy(tensor).astype("float64") for tensor in found]
