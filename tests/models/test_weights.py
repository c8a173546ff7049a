"""Weights of a file go to their places, and those of another network are refused by name."""

import io
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from keras_sam import models
from keras_sam.models.weights import is_file, load_weights

pytestmark = pytest.mark.once

BUNDLE = Path(__file__).parents[3] / "shared" / "data"
MOBILENET = BUNDLE / "mobilenet_075_imagenet.npz"
FLOWERS = BUNDLE / "flowers12.npz"


def network(filters=4, extra=False):
    """A network in the form of `keras.applications`."""
    inputs = keras.Input((8, 8, 3))
    outputs = layers.Conv2D(filters, 3, name="conv1")(inputs)
    outputs = layers.DepthwiseConv2D(3, use_bias=False, name="conv_dw_1")(outputs)
    outputs = layers.BatchNormalization(name="conv_dw_1_bn")(outputs)
    if extra:
        outputs = layers.Conv2D(2, 1, name="conv_pw_1")(outputs)
    return keras.Model(inputs, outputs, name="small")


def saved(model, path):
    """Weights as a file of the kind that the path's ending names."""
    if path.suffix == ".npz":
        arrays = {v.path: keras.ops.convert_to_numpy(v) for v in model.weights}
        kernel = arrays.pop("conv_dw_1/kernel")
        arrays["conv_dw_1/depthwise_kernel"] = kernel
        np.savez(path, **{key: array.astype("float16") for key, array in arrays.items()})
    elif path.suffix == ".keras":
        model.save(path)
    else:
        model.save_weights(path)
    return path


def randomised(model):
    generator = np.random.default_rng(1)
    # Numbers that a file of half precision keeps.
    drawn = [generator.normal(size=v.shape).astype("float16") for v in model.weights]
    model.set_weights(drawn)
    return model


@pytest.mark.parametrize("ending", ["npz", "keras", "weights.h5"])
def test_weights_go_to_their_places(ending, tmp_path):
    source, target = randomised(network()), network()
    load_weights(target, saved(source, tmp_path / f"file.{ending}"))
    for one, other in zip(source.get_weights(), target.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


# Keras reads .weights.h5 itself, and tells about shapes alone which layers differ.
# Keras tells of a file that it half understands; we refuse it.
@pytest.mark.filterwarnings("ignore:Skipping nested container")
@pytest.mark.parametrize(
    "ending, saved_from, into, message",
    [
        ("npz", {}, {"extra": True}, "missing: conv_pw_1. Choose"),
        ("npz", {"extra": True}, {}, "extra: conv_pw_1. Choose"),
        ("npz", {"filters": 5}, {}, "of another shape: conv1, conv_dw_1, conv_dw_1_bn. Ch"),
        ("keras", {"extra": True, "filters": 5}, {}, "extra: conv_pw_1; of another shape: conv1"),
        ("weights.h5", {"filters": 5}, {}, "conv1.*conv_dw_1"),
        ("weights.h5", {}, {"extra": True}, "conv_pw_1"),
        ("weights.h5", {"extra": True}, {}, "9 arrays for 7 variables"),
    ],
)
def test_weights_of_another_network_are_refused(ending, saved_from, into, message, tmp_path):
    path = saved(network(**saved_from), tmp_path / f"file.{ending}")
    with pytest.raises(ValueError, match=f"not those of small: .*{message}.*Received: weights="):
        load_weights(network(**into), path)


def test_damaged_archive_is_named(tmp_path):
    path = saved(network(), tmp_path / "file.npz")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match=r"file\.npz must be an archive.*Received: BadZipFile"):
        load_weights(network(), path)


def test_only_the_first_of_many_layers_are_named(tmp_path):
    np.savez(tmp_path / "file.npz", **{f"other_{index}/kernel": np.ones(1) for index in range(9)})
    with pytest.raises(ValueError, match="other_3, other_4 and 4 more"):
        load_weights(network(), tmp_path / "file.npz")


def test_a_tuned_model_gives_its_network_to_another_task(tmp_path):
    options = {"arguments": {"alpha": 0.25}, "frozen_batch_norm": False}
    first = models.pretrained("mobilenet", (32, 32, 3), 3, **options)
    first.save(tmp_path / "first.keras")
    second = models.pretrained(
        "mobilenet", (32, 32, 3), 7, weights=tmp_path / "first.keras", **options
    )
    for one, other in zip(first.weights[:-2], second.weights[:-2], strict=True):
        np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (one, other)))


def test_deviations_in_place_of_variances_are_squared(tmp_path):
    inputs = keras.Input((4, 4, 3))
    model = keras.Model(inputs, layers.Normalization(axis=-1)(inputs))
    deviations, means = np.array([0.229, 0.224, 0.225]), np.array([0.485, 0.456, 0.406])
    keys = ("mean", "variance", "count")
    arrays = dict(zip((f"normalization/{key}" for key in keys), (means, deviations, 0)))
    np.savez(tmp_path / "file.npz", **arrays)
    load_weights(model, tmp_path / "file.npz")
    images = np.random.default_rng(0).uniform(size=(2, 4, 4, 3)).astype("float32")
    found = keras.ops.convert_to_numpy(model(images))
    np.testing.assert_allclose(found, (images - means) / deviations, atol=1e-4)


def test_names_and_files_are_told_apart(tmp_path):
    assert not is_file(None) and not is_file("imagenet") and not is_file("preset_v2.5")
    with pytest.raises(FileNotFoundError, match=r"Received: weights='.*none\.npz'"):
        is_file(tmp_path / "none.npz")


@pytest.mark.skipif(not MOBILENET.is_file(), reason="needs shared/data, which is not there")
def test_real_weights_tell_flowers_apart():
    image = pytest.importorskip("PIL.Image", reason="needs Pillow to decode JPEG")
    model = models.pretrained(
        "mobilenet", (128, 128, 3), 12, weights=MOBILENET, arguments={"alpha": 0.75}
    )
    network = keras.Model(model.input, model.layers[-3].output)
    with np.load(FLOWERS) as flowers:
        features, labels = {}, {}
        for part, count in (("train", 72), ("test", 36)):
            data, offsets = flowers[f"{part}_bytes"], flowers[f"{part}_offsets"]
            files = [data[offsets[i] : offsets[i + 1]].tobytes() for i in range(count)]
            pictures = [np.asarray(image.open(io.BytesIO(file))) for file in files]
            features[part] = network.predict(np.stack(pictures).astype("float32"), verbose=0)
            labels[part] = flowers[f"{part}_y"][:count].astype(int)
    # Ridge regression of the classes on features: with 60 images a class it reaches 94 %.
    x, mean = features["train"], features["train"].mean(axis=0)
    gram = (x - mean) @ (x - mean).T + 10 * np.eye(len(x))
    weights = (x - mean).T @ np.linalg.solve(gram, np.eye(12)[labels["train"]])
    found = ((features["test"] - mean) @ weights).argmax(axis=1)
    assert (found == labels["test"]).mean() > 0.7  # Chance is 0.08.
