"""Factors of each layer: the kinds of layers under muP^2, and the rule of LARS."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_sam import methods
from keras_sam.ascent import LayerwiseAscent
from tests.methods import cubic
from tests.methods.draws import gradients_for, perturbation
from tests.toys import mlp

pytestmark = pytest.mark.once


def tokens(width):
    """Embedding, normalization and a classifier."""
    return keras.Sequential(
        [
            keras.Input((5,), dtype="int32"),
            layers.Embedding(10, width),
            layers.LayerNormalization(),
            layers.Conv1D(width, 3),
            layers.DepthwiseConv1D(3),
            layers.GlobalAveragePooling1D(),
            layers.Dense(2),
        ]
    )


def test_every_kind_of_layer_has_its_fans():
    """Embeddings count as inputs, as do all that act on each channel alone."""
    model = tokens(8)
    gradients = gradients_for(model)
    found = perturbation(methods.MuPSAM(base_model=tokens(4)).ascent, model, gradients)
    factors = [np.mean(eps / g) for eps, g in zip(found, gradients, strict=True)]
    # Embedding, gamma, beta; convolution, depthwise and dense kernel, each with its bias.
    np.testing.assert_allclose(np.array(factors) / factors[3], (2, 2, 2, 1, 2, 2, 2, 0.5, 1), 1e-5)


def test_layerwise_steps_in_proportion_to_each_tensor():
    def reference(w, x, t, rho=0.2):
        g = cubic.gradient(w, x)
        parts = [slice(0, 2), slice(2, 3)]
        eps = [rho * np.linalg.norm(w[part]) * cubic.unit(g[part]) for part in parts]
        return cubic.gradient(w + np.concatenate(eps), x)

    weights, _ = cubic.trained(methods.Method(LayerwiseAscent(), rho=0.2))
    cubic.assert_same(weights, cubic.descended(reference))


def test_layerwise_leaves_a_flat_tensor_alone():
    model = mlp()
    flat = [0 * g for g in gradients_for(model)]
    found = perturbation(LayerwiseAscent(), model, flat)
    assert all(np.all(tensor == 0) for tensor in found)
