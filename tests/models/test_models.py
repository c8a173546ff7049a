"""The models are the published ones, and need nothing of ours once they are saved."""

import doctest
import importlib
import re

import keras
import numpy as np
import pytest

import keras_sam
from keras_sam import models
from tests.models.deferred import built, trainable

CIFAR, IMAGENET = ((32, 32, 3), 10), ((224, 224, 3), 1000)
# One small member of every family.
SMALL = {
    "convnet": models.convnet,
    "resnet": lambda *a, **o: models.resnet_cifar(8, *a, **o),
    "wide_resnet": lambda *a, **o: models.wide_resnet(10, 1, *a, **o),
    "shake_shake": lambda *a, **o: models.shake_shake(8, 4, *a, **o),
    "pyramidnet": lambda *a, **o: models.pyramidnet(11, 8, *a, **o),
    "shakedrop": lambda *a, **o: models.pyramidnet(11, 8, *a, shakedrop=True, **o),
    "vit": lambda *a, **o: models.vit(4, 8, 1, 2, *a, **o),
}


@pytest.mark.once
@pytest.mark.parametrize(
    "name, shapes, count, published",
    [
        ("resnet8", CIFAR, 75_290, None),
        ("resnet14", CIFAR, 172_506, None),
        ("resnet20", CIFAR, 269_722, 0.27e6),
        ("resnet26", CIFAR, 366_938, None),
        ("resnet32", CIFAR, 464_154, 0.46e6),
        ("resnet44", CIFAR, 658_586, 0.66e6),
        ("resnet56", CIFAR, 853_018, 0.85e6),
        ("resnet110", CIFAR, 1_727_962, 1.7e6),
        ("resnet18", CIFAR, 11_173_962, None),
        ("resnet18", IMAGENET, 11_689_512, 11.7e6),
        ("resnet34", IMAGENET, 21_797_672, 21.8e6),
        ("resnet50", IMAGENET, 25_557_032, 25.6e6),
        ("resnet101", IMAGENET, 44_549_160, 44.5e6),
        ("resnet152", IMAGENET, 60_192_808, 60.2e6),
        # The published networks have 1x1 convolutions where these fill channels with zeros.
        ("wide_resnet16_4", CIFAR, 2_706_906, 2.7e6),
        ("wide_resnet40_2", CIFAR, 2_232_794, 2.2e6),
        ("wide_resnet28_10", CIFAR, 36_220_634, 36.5e6),
        ("wide_resnet40_10", CIFAR, 55_583_194, 55.8e6),
        ("shake_shake26_2x96d", CIFAR, 26_192_922, 26.2e6),
        # Rounded here, where the published count rounds down.
        ("pyramidnet272_a200", CIFAR, 26_210_842, 26.0e6),
        ("pyramidnet272_a200_shakedrop", CIFAR, 26_210_842, 26.0e6),
    ],
)
def test_parameter_counts(name, shapes, count, published):
    model = built(models.get, name, *shapes)
    assert trainable(model) == count
    assert published is None or count == pytest.approx(published, rel=0.02)
    assert model.name == name and model.output_shape == (None, shapes[1])
    # The stem and the stages shrink 224 pixels to 7, and 32 to 8 or, in four stages, 4.
    pooled = next(layer for layer in model.layers if "global_average" in layer.name)
    side = 7 if shapes is IMAGENET else 4 if name == "resnet18" else 8
    assert pooled.input.shape[1:3] == (side, side)


@pytest.mark.once
@pytest.mark.parametrize("name, width", [("16_4", 4), ("40_2", 2), ("28_10", 10), ("40_10", 10)])
def test_wide_resnets_lack_just_the_weights_of_the_published_shortcuts(name, width):
    projections = 16 * 16 * width + 16 * 32 * width**2 + 32 * 64 * width**2
    published = {"16_4": 2_748_890, "40_2": 2_243_546, "28_10": 36_479_194, "40_10": 55_841_754}
    count = trainable(built(models.get, f"wide_resnet{name}", *CIFAR))
    assert count + projections == published[name]


@pytest.mark.once
@pytest.mark.parametrize(
    "name, shapes, width, count, published",
    [
        ("vit_nano4", CIFAR, 64, 307_914, None),
        ("vit_tiny4", CIFAR, 192, 5_362_378, None),
        ("vit_small4", CIFAR, 384, 21_341_578, None),
        ("vit_tiny16", IMAGENET, 192, 5_717_032, 5_717_416),
        ("vit_small16", IMAGENET, 384, 22_049_896, 22_050_664),
        ("vit_base16", IMAGENET, 768, 86_566_120, 86_567_656),
    ],
)
def test_transformers_have_one_weight_where_the_published_add_three(
    name, shapes, width, count, published
):
    model = built(models.get, name, *shapes)
    assert trainable(model) == count
    # The class token and the bias of the patches' projection are learned apart there.
    assert published is None or count + 2 * width == published
    tokens = 1 + (14 * 14 if shapes is IMAGENET else 8 * 8)
    assert model.get_layer("embedding").output.shape == (None, tokens, width)


@pytest.mark.once
def test_tokens_are_the_patches_of_the_image_row_by_row():
    model = models.vit(2, 4, 1, 2, (4, 6, 1), 3)
    embedding = model.get_layer("embedding")
    read = keras.Model(model.inputs, embedding.output)
    kernel, bias = embedding.get_weights()
    image = np.arange(24, dtype="float32").reshape(1, 4, 6, 1)
    tokens = read.predict(image, verbose=0)[0]
    np.testing.assert_allclose(tokens[0], bias[0], rtol=1e-6)  # The class's, which sees no pixel.
    patch = image[0, 2:4, 4:6, 0].ravel()  # The last one.
    np.testing.assert_allclose(tokens[-1], patch @ kernel + bias[-1], rtol=1e-5)


# A PyramidNet-272 takes seconds to put together; the smaller one takes small images as well.
@pytest.mark.once
@pytest.mark.parametrize("name", [x for x in models.list() if not re.match("pyramid|text", x)])
def test_every_model_takes_digits(name):
    model = built(models.get, name, (8, 8, 1), 7)
    assert model.input_shape == (None, 8, 8, 1)
    assert model.output_shape == (None, 7)


# The others are layers of Keras alone, one after the other.
OWN_LAYERS = ("shake_shake", "shakedrop")
FAMILIES = [
    pytest.param(name, marks=() if name in OWN_LAYERS else pytest.mark.once) for name in SMALL
]


@pytest.mark.parametrize("name", FAMILIES)
def test_one_step_is_finite_on_images_of_odd_size(name):
    model = SMALL[name]((9, 7, 2), 3)
    images = np.random.default_rng(0).normal(size=(4, 9, 7, 2)).astype("float32")
    sam = keras_sam.SAMModel(model, rho=0.05)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    sam.compile(keras.optimizers.SGD(0.1), loss)
    before = model.get_layer("logits").get_weights()[0]
    assert np.isfinite(sam.train_on_batch(images, np.array([0, 1, 2, 0])))
    after = model.get_layer("logits").get_weights()[0]
    assert np.isfinite(after).all() and not np.array_equal(before, after)


@pytest.mark.once
@pytest.mark.parametrize("name", SMALL)
def test_saved_model_predicts_the_same(name, tmp_path):
    model = SMALL[name]((8, 8, 3), 5)
    gated = name.startswith("shake")
    assert ("keras_sam" in model.to_json()) == gated  # Only gates need this package.
    images = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype("float32")
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")  # In safe mode.
    predictions = model.predict(images, verbose=0)
    np.testing.assert_array_equal(predictions, loaded.predict(images, verbose=0))
    np.testing.assert_array_equal(predictions, model.predict(images, verbose=0))


@pytest.mark.once
@pytest.mark.parametrize("name", SMALL)
def test_logits_are_float32_under_a_mixed_policy(name):
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = built(SMALL[name], (8, 8, 1), 10)
    assert model.layers[1].compute_dtype == "bfloat16"
    assert model.output.dtype == "float32"


@pytest.mark.once
@pytest.mark.parametrize(
    "arguments, options, message",
    [
        (("resnt20", (8, 8, 1), 10), {}, "did you mean resnet20.*Received: model='resnt20'"),
        (("convnet", (8, 8), 10), {}, r"height, width, channels.*Received: input_shape=\(8, 8\)"),
        (("resnet8", (8, 0, 1), 10), {}, r"Received: input_shape=\(8, 0, 1\)"),
        (("resnet18", (8, 8, 1), 1), {}, "two classes.*Received: num_classes=1"),
        (("resnet8", (8, 8, 1), 2), {"norm": None}, "it has normalization.*Received: norm"),
        (("resnet8", (8, 8, 1), 2), {"depth": 3}, "it has normalization.*Received: depth"),
        (("convnet", (8, 8, 1), 2), {"normalization": None}, "it has none.*normalization"),
        (("resnet8", (8, 8, 1), 2), {"normalization": "none"}, "'layer', None.*='none'"),
    ],
)
def test_wrong_arguments_are_refused(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        models.get(*arguments, **options)


@pytest.mark.once
@pytest.mark.parametrize(
    "build, message",
    [
        *[(lambda d=d: models.resnet_cifar(d), f"6n \\+ 2.*depth={d}") for d in (2, 18, 21)],
        (lambda: models.resnet(20), "18, 34, 50, 101, 152.*Received: depth=20"),
        (lambda: models.wide_resnet(27, 10), r"6n \+ 4, such as 22 or 28.*depth=27"),
        (lambda: models.pyramidnet(2, 8), r"9n \+ 2, such as 11 or 20.*depth=2"),
        (lambda: models.shake_shake(26, 95), "even.*Received: width=95"),
        (lambda: models.vit(4, 65, 2, 4), "multiple of the heads.*width=65, heads=4"),
        (lambda: models.vit(0, 64, 2, 4), "at least 1.*Received: patch=0"),
    ],
)
def test_wrong_depths_and_widths_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


MODULES = (
    "convnet efficientnet finetuning gates pyramidnet resnet scaling shake_shake sources table"
    " vit wide_resnet"
).split()


@pytest.mark.once
@pytest.mark.parametrize("module", MODULES)
def test_examples_run(module):
    outcome = doctest.testmod(importlib.import_module(f"keras_sam.models.{module}"))
    assert outcome.attempted > 0 and outcome.failed == 0
