"""Shortcuts without parameters, each kind of normalisation, and the initial values."""

import keras
import numpy as np
import pytest

from keras_sam import models
from keras_sam.models import blocks
from tests.models.deferred import built

BATCH = blocks.Blocks("batch", branches=3)
NORMALIZATIONS = {
    "batch": keras.layers.BatchNormalization,
    "group": keras.layers.GroupNormalization,
    "layer": keras.layers.LayerNormalization,
}
DEEP = {
    "resnet": lambda **o: models.resnet_cifar(56, (4, 4, 3), 10, **o),
    "wide_resnet": lambda **o: models.wide_resnet(40, 1, (4, 4, 3), 10, **o),
}


def layers_of(model, *kinds):
    return [layer for layer in model.layers if isinstance(layer, kinds)]


def images(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def test_subsampled_shortcut_adds_empty_channels():
    x = images(2, 6, 6, 4)
    inputs = keras.Input((6, 6, 4))
    shortcut = keras.Model(inputs, blocks.subsampled_shortcut(inputs, 8, 2))
    expected = np.pad(x[:, ::2, ::2], ((0, 0), (0, 0), (0, 0), (2, 2)))
    np.testing.assert_array_equal(shortcut.predict(x, verbose=0), expected)


@pytest.mark.parametrize("side", [6, 5])
def test_pooled_shortcut_averages_what_there_is(side):
    x = images(2, side, side, 4)
    inputs = keras.Input((side, side, 4))
    shortcut = keras.Model(inputs, blocks.pooled_shortcut(inputs, 7, 2))
    places = [slice(start, start + 2) for start in range(0, side, 2)]
    means = [[x[:, row, column].mean(axis=(1, 2)) for column in places] for row in places]
    expected = np.pad(np.array(means).transpose(2, 0, 1, 3), ((0, 0), (0, 0), (0, 0), (1, 2)))
    np.testing.assert_allclose(shortcut.predict(x, verbose=0), expected, atol=1e-6)


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="others choose layouts themselves")
@pytest.mark.parametrize("shortcut", [blocks.subsampled_shortcut, blocks.pooled_shortcut])
def test_a_shortcut_leaves_images_in_the_layout_of_the_kernels(shortcut):
    inputs = keras.Input((6, 6, 4))
    outputs = keras.Model(inputs, shortcut(inputs, 8, 2))(images(2, 6, 6, 4))
    assert outputs.is_contiguous()  # Channels last, as all of Keras's images.


def test_projection_only_where_the_shape_changes():
    inputs = keras.Input((6, 6, 4))
    assert BATCH.projected_shortcut(inputs, 4, 1) is inputs
    assert BATCH.projected_shortcut(inputs, 8, 1).shape == (None, 6, 6, 8)
    assert BATCH.projected_shortcut(inputs, 4, 2).shape == (None, 3, 3, 4)


@pytest.mark.once
@pytest.mark.parametrize("kind", [*NORMALIZATIONS, None])
def test_only_the_chosen_normalization_is_there(kind):
    model = built(models.get, "resnet20", (8, 8, 3), 10, normalization=kind)
    found = layers_of(model, *NORMALIZATIONS.values())
    assert len(found) == (0 if kind is None else 19)
    assert all(isinstance(layer, NORMALIZATIONS[kind]) for layer in found)
    convolutions = layers_of(model, keras.layers.Conv2D)
    assert {layer.use_bias for layer in convolutions} == {kind is None}


@pytest.mark.once
@pytest.mark.parametrize(
    "build, sizes",
    [(models.wide_resnet, (10, 1)), (models.shake_shake, (8, 4)), (models.pyramidnet, (11, 8))],
)
def test_no_family_normalises_without_normalization(build, sizes):
    model = built(build, *sizes, (8, 8, 3), 10, normalization=None)
    assert not layers_of(model, *NORMALIZATIONS.values())
    assert layers_of(model, keras.layers.Conv2D)


@pytest.mark.once
def test_groups_are_eight_or_divide_the_channels():
    group = blocks.Blocks("group", branches=1)
    outputs = [group.normalised(keras.Input((4, 4, n)), activation=False) for n in (16, 12, 3)]
    groups = [output._keras_history.operation.groups for output in outputs]
    assert groups == [8, 4, 1]


@pytest.mark.once
@pytest.mark.parametrize("name", DEEP)
def test_deep_networks_without_normalization_start_at_the_scale_of_their_input(name):
    logits = DEEP[name](normalization=None)(images(4, 4, 4, 3))
    size = float(np.abs(keras.ops.convert_to_numpy(logits)).max())
    assert 1e-3 < size < 30


@pytest.mark.once
def test_normalization_and_initial_values_are_those_of_the_paper():
    model = models.resnet_cifar(20)
    norms = layers_of(model, keras.layers.BatchNormalization)
    convolutions = layers_of(model, keras.layers.Conv2D)
    assert {(norm.momentum, norm.epsilon) for norm in norms} == {(0.9, 1e-5)}
    assert not any(convolution.use_bias for convolution in convolutions)
    # The last one has 36,864 values: a deviation within 2 % is five standard errors.
    kernel = keras.ops.convert_to_numpy(convolutions[-1].kernel)
    assert kernel.std() == pytest.approx(np.sqrt(2 / (9 * 64)), rel=0.02)
    head = keras.ops.convert_to_numpy(model.layers[-1].kernel)
    assert 0.9 * 10**-0.5 < np.abs(head).max() <= 10**-0.5


@pytest.mark.once
def test_the_end_of_a_branch_starts_smaller_without_normalization():
    model = models.resnet_cifar(20, normalization=None)
    last, first = (
        keras.ops.convert_to_numpy(layer.kernel)
        for layer in layers_of(model, keras.layers.Conv2D)[:-3:-1]
    )
    assert first.std() == pytest.approx(np.sqrt(2 / (9 * 64)), rel=0.02)
    assert last.std() == pytest.approx(np.sqrt(2 / (9 * 64) / 9), rel=0.02)
