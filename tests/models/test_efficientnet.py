"""The builder of EfficientNets makes those of Keras, and L2."""

import inspect

import keras
import numpy as np
import pytest

from keras_sam import models
from keras_sam.models.efficientnet import round_filters
from keras_sam.models.flax_checkpoints import keras_arrays
from tests.models.deferred import built, trainable
from tests.models.reference_layout import checkpoint

pytestmark = pytest.mark.once


@pytest.mark.parametrize("name, width, depth", [("B0", 1.0, 1.0), ("B3", 1.2, 1.4)])
def test_weights_are_those_of_keras(name, width, depth):
    constructor = getattr(keras.applications, f"EfficientNet{name}")
    theirs = built(constructor, weights=None, include_top=False, input_shape=(64, 64, 3))
    ours = built(models.efficientnet, width, depth, (64, 64, 3))
    # Of Keras's first layers it has no statistics of the input.
    expected = [(variable.path, tuple(variable.shape)) for variable in theirs.trainable_variables]
    assert [(v.path, tuple(v.shape)) for v in ours.trainable_variables] == expected
    assert ours.output_shape == theirs.output_shape


def test_same_function_as_keras_for_the_same_weights():
    shape = (33, 32, 3)
    # What all of Keras's are made with, as B0 itself would take long.
    build = inspect.getmodule(keras.applications.EfficientNetB0).EfficientNet
    theirs = build(0.25, 0.25, 224, weights=None, include_top=False, input_shape=shape)
    ours = models.efficientnet(0.25, 0.25, shape)
    statistics = [[0.485, 0.456, 0.406], np.square([0.229, 0.224, 0.225]), 0]
    weights = theirs.get_weights()
    ours.set_weights(weights[3:])
    theirs.set_weights([*map(np.asarray, statistics), *weights[3:]])
    next(x for x in theirs.layers if isinstance(x, keras.layers.Normalization)).finalize_state()
    images = np.random.default_rng(0).uniform(0, 255, (2, *shape)).astype("float32")
    expected = keras.ops.convert_to_numpy(theirs(images))
    found = keras.ops.convert_to_numpy(ours(images))
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


def test_l2_has_the_published_weights():
    model = built(models.pretrained, "efficientnet_l2", (475, 475, 3), 1000)
    assert trainable(model) == 480_309_308  # Published are 480 M.
    assert trainable(model) == pytest.approx(480e6, rel=0.001)
    (network,) = (layer for layer in model.layers if isinstance(layer, keras.Model))
    arrays = keras_arrays(checkpoint(4.3, 5.3, lambda shape: np.broadcast_to(0, shape)), network)
    shapes = {key: array.shape for key, array in arrays.items()}
    assert shapes == {weight.path: tuple(weight.shape) for weight in network.weights}
    assert round_filters(32, 4.3) == 136 and round_filters(1280, 4.3) == 5504


@pytest.mark.parametrize("name", ["efficientnet_l2", "efficientnet_b0", "EfficientNetV2S"])
def test_images_that_vanish_are_refused(name):
    with pytest.raises(ValueError, match=r"halves.*five.*32.*Received: input_shape=\(31, 64, 3\)"):
        models.pretrained(name, (31, 64, 3), 5)


def test_small_one_takes_other_channels_and_odd_sizes():
    model = models.efficientnet(0.25, 0.25, (37, 50, 1))
    assert model.output_shape == (None, 2, 2, 320)
    images = np.random.default_rng(0).uniform(0, 255, (2, 37, 50, 1))
    assert np.isfinite(keras.ops.convert_to_numpy(model(images))).all()
