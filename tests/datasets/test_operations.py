"""The operations and tables of AutoAugment and RandAugment, on known arrays."""

import numpy as np
import pytest
from PIL import Image, ImageOps

from keras_sam.datasets import operations as op
from keras_sam.datasets import policies
from keras_sam.datasets.policies import (
    CIFAR,
    IMAGENET,
    RANDOM,
    SVHN,
    auto_augment,
    policy_for,
    rand_augment,
)

TABLES = {"cifar": CIFAR, "svhn": SVHN, "imagenet": IMAGENET}


def noise(height=9, width=7, channels=3, low=0, high=256, seed=0):
    shape = (height, width, channels)
    return np.random.default_rng(seed).integers(low, high, shape, dtype="uint8")


def pixels(*values):
    return np.array(values, "uint8").reshape(1, -1, 1)


@pytest.mark.parametrize(
    "operation, argument, before, after",
    [
        (op.invert, None, (0, 1, 254, 255), (255, 254, 1, 0)),
        (op.posterize, 1, (0, 127, 128, 255), (0, 0, 128, 128)),
        (op.posterize, 4, (0, 15, 16, 250), (0, 0, 16, 240)),
        (op.posterize, 0, (0, 127, 128, 255), (0, 0, 0, 0)),
        (op.solarize, 128, (0, 127, 128, 255), (0, 127, 127, 0)),
        (op.solarize, 256, (0, 127, 128, 255), (0, 127, 128, 255)),
        (op.auto_contrast, None, (50, 100, 150, 150), (0, 127, 255, 255)),
        (op.auto_contrast, None, (9, 9, 9, 9), (9, 9, 9, 9)),
        (op.OPERATIONS["Brightness"][0], 0.5, (0, 10, 100, 200), (0, 5, 50, 100)),
        (op.OPERATIONS["Contrast"][0], 0.5, (0, 0, 100, 100), (25, 25, 75, 75)),
        (op.OPERATIONS["Color"][0], 0.1, (0, 10, 100, 200), (0, 10, 100, 200)),
    ],
)
def test_values_on_known_pixels(operation, argument, before, after):
    image = pixels(*before)
    np.testing.assert_array_equal(operation(image, argument), pixels(*after))
    np.testing.assert_array_equal(image, pixels(*before))  # Nothing in place.


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("low, high", [(0, 256), (30, 90), (7, 8), (0, 2)])
def test_tables_agree_with_pillow(channels, low, high):
    image = noise(40, 37, channels, low, high)
    picture = Image.fromarray(image if channels == 3 else image[:, :, 0])
    for ours, theirs in (
        (op.equalize, ImageOps.equalize),
        (op.auto_contrast, ImageOps.autocontrast),
    ):
        np.testing.assert_array_equal(
            ours(image, None), np.asarray(theirs(picture)).reshape(image.shape)
        )


def test_translation_moves_whole_pixels_and_leaves_black():
    image = noise(8, 16)
    np.testing.assert_array_equal(op.translate_x(image, 3 / 16)[:, :13], image[:, 3:])
    np.testing.assert_array_equal(op.translate_x(image, -3 / 16)[:, 3:], image[:, :13])
    assert (op.translate_x(image, 3 / 16)[:, 13:] == 0).all()
    np.testing.assert_array_equal(op.translate_y(image, 0.25)[:6], image[2:])
    assert (op.translate_y(image, -0.25)[:2] == 0).all()


def test_shear_moves_each_line_by_its_number():
    image = noise(4, 12)
    sheared = op.shear_x(image, 1.0)
    for row in range(4):
        # Pillow takes the value under the middle of the pixel, half a row further down.
        moved = int(row + 0.5 + 0.5)
        np.testing.assert_array_equal(sheared[row, : 12 - moved], image[row, moved:])
        assert (sheared[row, 12 - moved :] == 0).all()
    transposed = op.shear_y(image.swapaxes(0, 1), 1.0).swapaxes(0, 1)
    np.testing.assert_array_equal(transposed, sheared)


def test_rotation_by_a_quarter_turn():
    image = noise(9, 9)
    np.testing.assert_array_equal(op.rotate(image, 90), np.rot90(image))


def test_sharpness_and_colour_of_known_images():
    grey = np.repeat(noise(6, 6, 1), 3, axis=2)
    for factor in (0.1, 1.9):
        np.testing.assert_array_equal(op.OPERATIONS["Color"][0](grey, factor), grey)
        flat = np.full((5, 5, 3), 77, "uint8")
        np.testing.assert_array_equal(op.OPERATIONS["Sharpness"][0](flat, factor), flat)
    dot = flat.copy()
    dot[2, 2] = 177
    assert op.OPERATIONS["Sharpness"][0](dot, 0.1)[2, 2, 0] < 177
    assert op.OPERATIONS["Sharpness"][0](dot, 1.9)[2, 2, 0] > 177


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("level", [0, 5, 9, 10])
@pytest.mark.parametrize("name", op.OPERATIONS)
def test_every_operation_keeps_kind_and_input(name, level, channels):
    operation, magnitude = op.OPERATIONS[name]
    image = noise(channels=channels)
    before = image.copy()
    for sign in (-1, 1):
        after = operation(image, magnitude(level, sign))
        assert after.shape == image.shape and after.dtype == "uint8"
    np.testing.assert_array_equal(image, before)


def test_ranges_of_the_levels():
    def ends(name):
        return tuple(op.OPERATIONS[name][1](level, 1) for level in (0, 10))

    assert ends("ShearX") == ends("ShearY") == (0, pytest.approx(0.3))
    assert ends("Rotate") == (0, 30) and ends("TranslateX") == (0, 10 / 32)
    assert ends("Solarize") == (256, 0) and ends("Posterize") == (4, 0)
    assert ends("Color") == ends("Sharpness") == (0.1, pytest.approx(1.9))
    assert op.OPERATIONS["Rotate"][1](10, -1) == -30
    bits, thresholds = (op.ON_IMAGENET[name][1] for name in ("Posterize", "Solarize"))
    assert [bits(level, 1) for level in (0, 8, 9, 10)] == [0, 3, 3, 4]
    assert [thresholds(level, 1) for level in (0, 5, 9, 10)] == [0, 128, 230, 256]


@pytest.mark.parametrize("name", TABLES)
def test_published_tables(name):
    table = TABLES[name]
    assert len(table) == 25 and all(len(row) == 2 for row in table)
    for operation, probability, level in (step for row in table for step in row):
        assert operation in op.OPERATIONS and 0 <= probability <= 1 and level in range(10)
        assert round(10 * probability) == pytest.approx(10 * probability)
    first = {"cifar": ("Invert", 0.1, 0), "svhn": ("ShearX", 0.9, 4)}
    assert table[0][0] == first.get(name, ("Posterize", 0.4, 8))


def test_each_data_set_has_its_policy():
    assert policy_for("cifar100") is policy_for("fashion_mnist") is CIFAR
    assert policy_for("svhn") is SVHN and policy_for("food101") is IMAGENET
    assert len(RANDOM) == 13 and "Invert" not in RANDOM


def test_probabilities_of_zero_and_one():
    images = np.stack([noise(seed=seed) for seed in range(20)])
    generator = np.random.default_rng(0)
    never = [(("Invert", 0.0, 0), ("Solarize", 0.0, 9))]
    np.testing.assert_array_equal(auto_augment(images, generator, never), images)
    always = [(("Invert", 1.0, 0), ("Posterize", 1.0, 7))]
    np.testing.assert_array_equal(
        auto_augment(images, generator, always), (255 - images) & 0b11000000
    )
    twice = [(("Invert", 1.0, 0), ("Invert", 0.5, 0))]
    inverted = (auto_augment(images, generator, twice) != images).any((1, 2, 3))
    assert 3 < inverted.sum() < 17


def test_imagenet_and_randaugment_keep_more_at_a_high_level(monkeypatch):
    images = np.stack([noise(seed=seed) for seed in range(20)])
    kept, once = images & 0b11100000, ("Posterize", 1.0, 9)
    policy = ((once, once),)
    monkeypatch.setattr(policies, "IMAGENET", policy)
    found = auto_augment(images, np.random.default_rng(0), policy)
    np.testing.assert_array_equal(found, kept)
    monkeypatch.setattr(policies, "RANDOM", ("Posterize",))
    found = rand_augment(images, np.random.default_rng(0))
    changed = (found != images).any((1, 2, 3))
    np.testing.assert_array_equal(found[changed], kept[changed])
    assert changed.any()


def test_policies_draw_from_their_generator_alone():
    images = np.stack([noise(seed=seed) for seed in range(20)])
    for policy in (rand_augment, lambda *arguments: auto_augment(*arguments, CIFAR)):
        one, same, other = (policy(images, np.random.default_rng(seed)) for seed in (0, 0, 1))
        np.testing.assert_array_equal(one, same)
        assert one.dtype == "uint8" and one.shape == images.shape and (one != other).any()
