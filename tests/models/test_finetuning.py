"""A pretrained network gets a head, its own scaling, and a BatchNorm that stays as it is."""

import importlib.util
import inspect
import types

import keras
import numpy as np
import pytest

import keras_sam
from keras_sam import models
from keras_sam.models import scaling, sources, tops

SMALL_L2 = {"width": 0.25, "depth": 0.25}
SMALL = {"mobilenet": {"alpha": 0.25}, "efficientnet_l2": SMALL_L2}
SHAPE = (32, 32, 3)
TOP = {"input_shape": SHAPE, "weights": None, "alpha": 0.35, "classes": 5}


def small(name="mobilenet", num_classes=4, **options):
    """A small network, whose head is past its first steps."""
    model = models.pretrained(name, SHAPE, num_classes, arguments=SMALL[name], **options)
    draw = np.random.default_rng(1).normal
    head = model.layers[-1]
    head.set_weights([draw(0, 0.5, weight.shape) for weight in head.get_weights()])
    return model


def images(count=4):
    return np.random.default_rng(0).uniform(0, 255, (count, *SHAPE)).astype("float32")


def batch_norms(model):
    kind = keras.layers.BatchNormalization
    return [layer for layer in model._flatten_layers() if isinstance(layer, kind)]


@pytest.mark.once
@pytest.mark.parametrize("key", sources.applications())
def test_images_are_scaled_as_keras_documents_it(key):
    constructor = sources.applications()[key]
    module = inspect.getmodule(constructor)
    expected = module.preprocess_input(images().copy())
    inputs = keras.Input(SHAPE)
    model = keras.Model(inputs, scaling.scaling_of(key, 3)(keras.layers.Identity()(inputs)))
    np.testing.assert_allclose(_run(model), expected, atol=1e-3)


def _run(model):
    return keras.ops.convert_to_numpy(model(images()))


@pytest.mark.parametrize("frozen", [True, pytest.param(False, marks=pytest.mark.once)])
def test_batch_norm_is_frozen_but_for_gamma_and_beta(frozen):
    model = small("efficientnet_l2", frozen_batch_norm=frozen, dropout=0.0)
    sam = keras_sam.SAMModel(model, rho=0.05)
    sam.compile(keras.optimizers.SGD(0.5), keras.losses.SparseCategoricalCrossentropy(True))
    last = batch_norms(model)[-1]
    before = last.get_weights()
    sam.train_on_batch(images(), np.arange(4))
    changed = [not np.array_equal(a, b) for a, b in zip(before, last.get_weights())]
    # Gamma and beta, then the statistics.
    assert changed == [True, True, not frozen, not frozen]
    kernels = len([v for v in model.trainable_variables if v.name in ("gamma", "beta")])
    assert kernels == 2 * len(batch_norms(model)) > 0


def test_training_mode_normalises_with_the_statistics_of_the_pretraining():
    model = small(dropout=0.0)
    inference = keras.ops.convert_to_numpy(model(images(), training=False))
    training = keras.ops.convert_to_numpy(model(images(), training=True))
    np.testing.assert_allclose(training, inference, atol=1e-6)
    unfrozen = small(dropout=0.0, frozen_batch_norm=False)
    unfrozen.set_weights(model.get_weights())
    other = keras.ops.convert_to_numpy(unfrozen(images(), training=True))
    assert np.abs(other - inference).max() > 1e-4


@pytest.mark.once
@pytest.mark.parametrize("name", SMALL)
def test_what_is_saved_needs_no_keras_sam(name, tmp_path):
    model = small(name)
    assert "keras_sam" not in model.to_json()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(_run(model), _run(loaded))
    # Still in inference mode; to train gamma and beta again takes one call.
    assert not any(layer.trainable for layer in batch_norms(loaded))
    models.freeze_batch_norm(loaded)
    assert len(loaded.trainable_variables) == len(model.trainable_variables)


@pytest.mark.once
def test_blue_first_scaling_is_saved_as_well(tmp_path):
    inputs = keras.Input(SHAPE)
    model = keras.Model(inputs, scaling.scaling_of("vgg16", 3)(inputs))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(_run(model), _run(loaded))


@pytest.mark.once
def test_a_new_head_tells_no_class_apart():
    model = models.pretrained("mobilenet", SHAPE, 4, arguments=SMALL["mobilenet"])
    np.testing.assert_array_equal(_run(model), 0)


def with_top(**options):
    """A network of Keras with its top, and what it makes of the images."""
    inputs, scaled = images(), keras.applications.mobilenet_v2.preprocess_input(images())
    network = keras.applications.MobileNetV2(**TOP | options)
    return network, inputs, keras.ops.convert_to_numpy(network(scaled))


def kept(num_classes=5, **options):
    options |= {"arguments": {"alpha": 0.35}, "keep_top": True}
    return models.pretrained("mobilenet_v2", SHAPE, num_classes, **options)


@pytest.mark.once
@pytest.mark.filterwarnings("ignore:Skipping nested container")
@pytest.mark.parametrize("suffix", [".weights.h5", ".npz"])
def test_a_kept_head_predicts_as_the_pretrained_network(suffix, tmp_path):
    network, inputs, expected = with_top()
    file = tmp_path / f"whole{suffix}"
    if suffix == ".npz":
        np.savez(file, **{v.path: keras.ops.convert_to_numpy(v) for v in network.weights})
        # The same file serves where the head is a new one.
        models.pretrained("mobilenet_v2", SHAPE, 3, weights=file, arguments={"alpha": 0.35})
    else:
        network.save_weights(file)
    found = keras.ops.softmax(kept(weights=file, dropout=0.0)(inputs))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found), expected, atol=1e-5)
    with pytest.raises(
        ValueError, match=r"(another shape|not match): predictions.*Received: weights="
    ):
        kept(6, weights=file)


@pytest.mark.once
def test_a_kept_head_of_keras_itself(monkeypatch):
    network, inputs, expected = with_top()
    offered = {"mobilenetv2": lambda **options: network if options["include_top"] else 1 / 0}
    monkeypatch.setattr(sources, "applications", lambda: offered)
    found = keras.ops.softmax(kept(weights="imagenet")(inputs))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found), expected, atol=1e-5)
    with pytest.raises(ValueError, match=r"the classes.*5: leave.*Received: num_classes=6"):
        kept(6, weights="imagenet")
    for source, weights in (("keras", None), ("keras_hub", "imagenet")):
        with pytest.raises(ValueError, match=f"Received: source='{source}', weights="):
            kept(weights=weights, source=source)


@pytest.mark.once
def test_a_network_that_ends_otherwise_has_no_head_to_keep():
    whole = keras.applications.MobileNet(weights=None, alpha=0.25, input_shape=SHAPE, classes=5)
    with pytest.raises(ValueError, match=r"average pooling and a dense layer.*Received: mobilenet"):
        tops.split(whole)


@pytest.mark.once
def test_head_is_in_float32_and_dropout_where_wanted():
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = small()
    assert model.output.dtype == "float32" and model.layers[-1].name == "logits"
    assert model.layers[-2].rate == 0.2
    assert not isinstance(small(dropout=0.0).layers[-2], keras.layers.Dropout)


@pytest.mark.once
@pytest.mark.parametrize(
    "options, message",
    [
        ({"name": "mobilnet"}, "did you mean .*MobileNet.*Received: name='mobilnet'"),
        ({"source": "timm"}, "'keras', 'keras_cv', 'keras_hub'.*Received: source='timm'"),
        ({"weights": "noisy"}, r"unpacked. Received: weights='noisy'"),
        ({"name": "efficientnet_l2", "weights": "imagenet"}, "path.*weights='imagenet'"),
        ({"dropout": 1.0}, "Received: dropout=1.0"),
    ],
)
def test_wrong_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        models.pretrained(**{"name": "mobilenet", **options}, input_shape=SHAPE, num_classes=3)


@pytest.mark.once
@pytest.mark.parametrize("name", SMALL)
def test_unknown_arguments_of_a_constructor_are_named(name):
    with pytest.raises(ValueError, match=r"alfa.*Received: arguments=\{'alfa': 0.25\}"):
        models.pretrained(name, SHAPE, 3, arguments={"alfa": 0.25})


@pytest.mark.once
def test_weights_that_cannot_be_fetched_are_explained(monkeypatch):
    def offline(**options):
        raise Exception(f"URL fetch failure on https://example.org: None -- {options['weights']}")

    monkeypatch.setattr(sources, "applications", lambda: {"mobilenet": offline})
    expected = r"could not be fetched.*--weights=FILE.*Received: weights='imagenet'"
    with pytest.raises(ValueError, match=expected):
        models.pretrained("mobilenet", SHAPE, 3, weights="imagenet")


class Backbone:
    """Stands for KerasHub's or KerasCV's, which download; keeps what it was asked for."""

    presets = ("tiny",)

    @classmethod
    def from_preset(cls, preset, **asked):
        cls.asked = (preset, asked)
        shape = asked.get("image_shape", asked.get("input_shape"))
        return keras.Sequential([keras.Input(shape), keras.layers.Conv2D(2, 3)], name="stub")


class ImageConverter(Backbone):
    """KerasHub's scaling."""

    @classmethod
    def from_preset(cls, preset):
        return types.SimpleNamespace(scale=1 / 255, offset=[-1.0, 0.0, 1.0])


@pytest.fixture
def offered(monkeypatch):
    modules = types.SimpleNamespace(
        models=types.SimpleNamespace(Backbone=Backbone),
        layers=types.SimpleNamespace(ImageConverter=ImageConverter),
    )
    monkeypatch.setattr(sources, "import_extra", lambda *names: modules)


@pytest.mark.once
@pytest.mark.parametrize("weights, loads", [(None, False), ("imagenet", True)])
def test_keras_hub_is_asked_for_a_preset_and_its_scaling(offered, weights, loads):
    model = models.pretrained("tiny", SHAPE, 3, source="keras_hub", weights=weights)
    assert Backbone.asked == ("tiny", {"load_weights": loads, "image_shape": SHAPE})
    rescaling = model.layers[1]
    assert (rescaling.scale, rescaling.offset) == (1 / 255, [-1.0, 0.0, 1.0])
    assert model.output_shape == (None, 3)


@pytest.mark.once
def test_keras_cv_finds_the_class_of_a_preset(offered):
    models.pretrained("tiny", SHAPE, 3, source="keras_cv")
    asked = {"load_weights": False, "include_rescaling": True, "input_shape": SHAPE}
    assert Backbone.asked == ("tiny", asked)
    models.pretrained("Backbone", SHAPE, 3, source="keras_cv", weights="tiny")
    assert Backbone.asked == ("tiny", {**asked, "load_weights": True})
    with pytest.raises(ValueError, match=r"Unknown preset of KerasCV.*tiny.*Received: 'huge'"):
        models.pretrained("huge", SHAPE, 3, source="keras_cv")


@pytest.mark.once
def test_a_source_that_is_not_installed_is_named():
    if importlib.util.find_spec("keras_hub"):
        pytest.skip("KerasHub is installed")
    with pytest.raises(ImportError, match="keras-hub, which is not installed"):
        models.pretrained("tiny", SHAPE, 3, source="keras_hub")
