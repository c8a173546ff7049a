"""Checkpoints in the reference's layout: each array has one place, and the network computes so."""

import math
import sys

import keras
import numpy as np
import pytest

from keras_sam import models
from keras_sam.models.flax_checkpoints import STANDARDISATION, checkpoint_of, keras_arrays, read
from keras_sam.models.scaling import RGB_DEVIATION, RGB_MEAN
from keras_sam.models.weights import is_file, load_weights
from tests.models.deferred import built
from tests.models.reference_layout import checkpoint, leaves, reference_shapes

pytestmark = pytest.mark.once


def stored_numbers():
    """A checkpoint of the smallest network that has every kind of block."""
    generator = np.random.default_rng(0)
    return checkpoint(0.25, 0.25, lambda shape: generator.uniform(0.1, 1, shape).astype("float32"))


@pytest.fixture(scope="module")
def model():
    return models.efficientnet(0.25, 0.25, (32, 32, 3))


def weight_shapes(model):
    # Keras counts the layers of a process that have no name of their own.
    return {
        v.path.replace("normalization_1/", "normalization/"): tuple(v.shape) for v in model.weights
    }


@pytest.mark.parametrize("width, depth, count", [(1.0, 1.0, 5_288_548), (2.0, 3.1, 66_347_960)])
def test_the_layout_has_as_many_weights_as_the_reference_tests_for(width, depth, count):
    assert sum(math.prod(shape) for shape in reference_shapes(width, depth)[0].values()) == count


@pytest.mark.parametrize("top", [False, True])
def test_each_array_of_b0_has_one_place_and_none_is_left_over(top):
    model = built(
        keras.applications.EfficientNetB0, weights=None, include_top=top, input_shape=(32, 32, 3)
    )
    numbers = iter(range(10_000))  # Each array is full of a number of its own.
    stored = checkpoint(1.0, 1.0, lambda shape: np.full(shape, next(numbers), "float32"))
    found = keras_arrays(stored, model)
    shapes = {key: array.shape for key, array in found.items()}
    assert shapes == weight_shapes(model)
    kept = {float(array.flat[0]) for key, array in found.items() if key not in STANDARDISATION}
    missing = {float(array.flat[0]) for array in leaves(stored)} - kept
    dense = {float(array.flat[0]) for array in leaves(stored["0"]["params"]["Head_17"]["dense"])}
    assert missing == (set() if top else dense)


def test_a_checkpoint_of_a_training_is_one_too(model):
    stored = stored_numbers()
    training = {
        "optimizer": {"target": stored["0"], "state": {"step": np.array(3)}},
        "model_state": {"0": stored["1"], "1": {}},
        "epoch": 3,
    }
    expected, found = keras_arrays(stored, model), keras_arrays(training, model)
    assert expected.keys() == found.keys()
    assert all(found[key] is array for key, array in expected.items())


def convolved(images, kernel, strides=1, depthwise=False):
    """A convolution as TensorFlow pads it, `SAME`."""
    size, length = kernel.shape[0], images.shape[1]
    outside = max((math.ceil(length / strides) - 1) * strides + size - length, 0)
    edges = (outside // 2, outside - outside // 2)
    padded = np.pad(images, ((0, 0), edges, edges, (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))
    windows = windows[:, ::strides, ::strides]
    if depthwise:
        return np.einsum("nhwcij,ijc->nhwc", windows, kernel[..., 0])
    return np.einsum("nhwcij,ijco->nhwo", windows, kernel)


def sigmoid(values):
    return 1 / (1 + np.exp(-values))


def swish(values):
    return values * sigmoid(values)


def first_block(stored, images):
    """Stem and first block of the reference, in NumPy."""
    parameters, state = stored["0"]["params"], stored["1"]

    def normalized(values, module, name):
        own, statistics = parameters[module][name], state[f"/{module}/{name}"]
        scale = own["scale"] / np.sqrt(statistics["var"] + 1e-3)
        return (values - statistics["mean"]) * scale + own["bias"]

    values = (images / 255 - RGB_MEAN) / RGB_DEVIATION
    values = convolved(values, parameters["Stem_0"]["conv2d"]["kernel"], 2)
    values = swish(normalized(values, "Stem_0", "batch_normalization"))
    block = parameters["MBConvBlock_1"]
    values = convolved(values, block["depthwise_conv2d"]["depthwise_kernel"], depthwise=True)
    values = swish(normalized(values, "MBConvBlock_1", "batch_normalization_0"))
    squeeze = block["SqueezeExcite_0"]
    weights = values.mean(axis=(1, 2), keepdims=True)
    for name, function in (("reduce_conv2d_0", swish), ("expand_conv2d_1", sigmoid)):
        weights = function(convolved(weights, squeeze[name]["kernel"]) + squeeze[name]["bias"])
    values = convolved(values * weights, block["project_conv2d_0"]["kernel"])
    return normalized(values, "MBConvBlock_1", "batch_normalization_1")


def test_the_network_computes_what_the_reference_does(model, tmp_path):
    stored = stored_numbers()
    np.savez(tmp_path / "weights.npz", **keras_arrays(stored, model))
    load_weights(model, tmp_path / "weights.npz")
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3))
    head = keras.Model(model.input, model.get_layer("block1a_project_bn").output)
    found = keras.ops.convert_to_numpy(head(images))
    np.testing.assert_allclose(found, first_block(stored, images), rtol=1e-4, atol=1e-4)


def test_keras_standardises_with_what_was_loaded(tmp_path):
    inputs = keras.Input((4, 4, 3))
    model = keras.Model(inputs, keras.layers.Normalization(name="normalization")(inputs))
    np.savez(tmp_path / "weights.npz", **STANDARDISATION)
    load_weights(model, tmp_path / "weights.npz")
    images = np.random.default_rng(0).uniform(size=(2, 4, 4, 3)).astype("float32")
    found = keras.ops.convert_to_numpy(model(images))
    np.testing.assert_allclose(found, (images - RGB_MEAN) / RGB_DEVIATION, atol=1e-4)


def test_a_file_is_read_as_flax_writes_it(model, tmp_path):
    msgpack = pytest.importorskip("msgpack", reason="needs the dev extra")

    def packed(value):
        content = (value.shape, value.dtype.name, value.tobytes())
        return msgpack.ExtType(1, msgpack.packb(content))

    stored = stored_numbers()
    path = tmp_path / "checkpoint_10"
    (tmp_path / "checkpoint_9").write_bytes(b"older")
    path.write_bytes(msgpack.packb(stored, default=packed))
    assert is_file(tmp_path) and checkpoint_of(tmp_path) == checkpoint_of(path) == path
    model.set_weights([np.zeros(weight.shape) for weight in model.weights])
    load_weights(model, tmp_path)
    kernel = model.get_layer("stem_conv").get_weights()[0]
    np.testing.assert_array_equal(kernel, stored["0"]["params"]["Stem_0"]["conv2d"]["kernel"])
    for damaged in (path.read_bytes()[:-50], b"text", b""):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"checkpoint_10 must be a checkpoint of Flax, whole"):
            read(path)


def test_without_msgpack_it_is_said_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "msgpack", None)
    with pytest.raises(ImportError, match="`pip install msgpack`"):
        read(tmp_path / "checkpoint_1")


def test_other_layouts_are_refused(model):
    stored = stored_numbers()
    deeper = checkpoint(0.25, 0.5, np.zeros)
    with pytest.raises(ValueError, match=r"which has 7 MBConvBlock\. Received: .* with 10"):
        keras_arrays(deeper, model)
    with pytest.raises(ValueError, match=r"layout of google-research/sam.*Received: KeyError: '0'"):
        keras_arrays({"params": stored["0"]["params"]}, model)
    stored["0"]["params"]["Stem_0"]["fused_conv2d_0"] = {"kernel": np.zeros(1)}
    with pytest.raises(ValueError, match=r"no EfficientNet has\. Received: Stem_0/fused_conv"):
        keras_arrays(stored, model)
