"""The models are the published ones, and need nothing of ours once they are saved."""

import doctest
import importlib

import keras
import numpy as np
import pytest

from keras_sam import models
from keras_sam.models import resnet


def trainable(model):
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


@pytest.mark.parametrize(
    "name, count",
    [
        ("resnet8", 75_290),
        ("resnet14", 172_506),
        ("resnet20", 269_722),
        ("resnet32", 464_154),
        ("resnet44", 658_586),
        ("resnet56", 853_018),
        ("resnet18", 11_173_962),
    ],
)
def test_parameter_counts_for_cifar(name, count):
    assert trainable(models.get(name, (32, 32, 3), 10)) == count


@pytest.mark.parametrize(
    "build, count", [(models.resnet18, 11_689_512), (models.resnet50, 25_557_032)]
)
def test_parameter_counts_for_imagenet(build, count):
    model = build((224, 224, 3), 1000)
    assert trainable(model) == count
    # The stem and the stages shrink 224 pixels to 7.
    pooling = [layer for layer in model.layers if "global_average" in layer.name]
    assert pooling[0].input.shape == (None, 7, 7, model.layers[-1].kernel.shape[0])


@pytest.mark.parametrize("name", models.list())
def test_every_model_takes_digits(name):
    model = models.get(name, (8, 8, 1), 7)
    assert model.input_shape == (None, 8, 8, 1)
    assert model.output_shape == (None, 7)


@pytest.mark.parametrize("name", ["convnet", "resnet8"])
def test_saved_model_needs_no_keras_sam(name, tmp_path):
    model = models.get(name, (16, 16, 3), 5)
    assert "keras_sam" not in model.to_json()
    images = np.random.default_rng(0).normal(size=(4, 16, 16, 3)).astype("float32")
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")  # In safe mode.
    np.testing.assert_array_equal(
        model.predict(images, verbose=0), loaded.predict(images, verbose=0)
    )


def test_shortcut_without_parameters_subsamples_and_adds_empty_channels():
    images = np.random.default_rng(0).normal(size=(2, 6, 6, 4)).astype("float32")
    inputs = keras.Input((6, 6, 4))
    shortcut = keras.Model(inputs, resnet._padded_shortcut(inputs, 8, 2))
    expected = np.pad(images[:, ::2, ::2], ((0, 0), (0, 0), (0, 0), (2, 2)))
    np.testing.assert_array_equal(shortcut.predict(images, verbose=0), expected)


def test_projection_only_where_the_shape_changes():
    inputs = keras.Input((6, 6, 4))
    assert resnet._projected_shortcut(inputs, 4, 1) is inputs
    assert resnet._projected_shortcut(inputs, 8, 1).shape == (None, 6, 6, 8)
    assert resnet._projected_shortcut(inputs, 4, 2).shape == (None, 3, 3, 4)


def test_normalization_and_initial_values_are_those_of_the_paper():
    model = models.resnet_cifar(20)
    norms = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    convolutions = [x for x in model.layers if isinstance(x, keras.layers.Conv2D)]
    assert {(norm.momentum, norm.epsilon) for norm in norms} == {(0.9, 1e-5)}
    assert not any(convolution.use_bias for convolution in convolutions)
    # The last one has 36,864 values: a deviation within 2 % is five standard errors.
    kernel = keras.ops.convert_to_numpy(convolutions[-1].kernel)
    assert kernel.std() == pytest.approx(np.sqrt(2 / (9 * 64)), rel=0.02)
    head = keras.ops.convert_to_numpy(model.layers[-1].kernel)
    assert 0.9 * 10**-0.5 < np.abs(head).max() <= 10**-0.5


@pytest.mark.parametrize("name", ["convnet", "resnet8"])
def test_logits_are_float32_under_a_mixed_policy(name):
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = models.get(name, (8, 8, 1), 10)
    assert model.layers[1].compute_dtype == "bfloat16"
    assert model.output.dtype == "float32"


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("resnt20", (8, 8, 1), 10), "did you mean resnet20.*Received: model='resnt20'"),
        (("convnet", (8, 8), 10), r"height, width, channels.*Received: input_shape=\(8, 8\)"),
        (("resnet8", (8, 0, 1), 10), r"Received: input_shape=\(8, 0, 1\)"),
        (("resnet18", (8, 8, 1), 1), "two classes.*Received: num_classes=1"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        models.get(*arguments)


@pytest.mark.parametrize("depth", [2, 18, 21])
def test_depth_that_is_not_6n_plus_2_is_refused(depth):
    with pytest.raises(ValueError, match=f"6n \\+ 2.*Received: depth={depth}"):
        models.resnet_cifar(depth)


@pytest.mark.parametrize("module", ["convnet", "resnet", "table"])
def test_examples_run(module):
    outcome = doctest.testmod(importlib.import_module(f"keras_sam.models.{module}"))
    assert outcome.attempted > 0 and outcome.failed == 0
