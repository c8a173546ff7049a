"""Corruptions by what they do to an image, and the data sets that have them."""

import numpy as np
import pytest

from keras_sam import datasets
from keras_sam.datasets.corruptions import CORRUPTIONS, STRENGTHS, corrupted
from keras_sam.datasets.images import LazyImages
from keras_sam.datasets.shifted import CorruptedImages

SMOOTH = np.hypot(*np.mgrid[:32, :32])[:, :, None] * (3, 4, 5)
PHOTOGRAPH = (SMOOTH + 40 * (np.indices((32, 32)).sum(0) % 7 > 3)[:, :, None]).astype("uint8")
STATIONARY = ("brightness", "contrast", "pixelate", "jpeg_compression", "defocus_blur", "zoom_blur")


def at(name, strength, image=PHOTOGRAPH, seed=0):
    return corrupted(image, name, strength, np.random.default_rng(seed))


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("shape", [(32, 32, 3), (8, 8, 1), (9, 40, 3)])
def test_every_image_is_corrupted_at_every_strength(name, shape):
    image = np.random.default_rng(1).integers(0, 256, shape, "uint8")
    for strength in STRENGTHS:
        changed = at(name, strength, image)
        assert changed.shape == shape and changed.dtype == "uint8"
        assert (changed != image).any() or (name == "pixelate" and min(shape) < 32)


# Elastic waves grow narrower where they grow higher, and glass is smoother at strength 2.
@pytest.mark.parametrize("name", [x for x in CORRUPTIONS if x[:5] not in ("elast", "glass")])
def test_strengths_rise(name):
    distances = [
        np.mean([np.abs(at(name, s, seed=n).astype(int) - PHOTOGRAPH).mean() for n in range(5)])
        for s in STRENGTHS
    ]
    assert (np.diff(distances) > -0.1).all() and distances[-1] > 1.2 * distances[0]


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_only_the_generator_is_random(name):
    same = at(name, 3)
    np.testing.assert_array_equal(same, at(name, 3))
    assert (same == at(name, 3, seed=1)).all() == (name in STATIONARY)


def test_noises_have_their_size():
    grey = np.full((200, 200, 3), 128, "uint8")
    assert at("gaussian_noise", 5, grey).std() / 255 == pytest.approx(0.1, rel=0.02)
    assert at("shot_noise", 5, grey).std() / 255 == pytest.approx(np.sqrt(0.502 / 50), rel=0.02)
    struck = at("impulse_noise", 5, grey)
    for value in (0, 255):  # Pepper and salt.
        assert (struck == value).mean() == pytest.approx(0.035, rel=0.05)
    assert ((struck == 128) | (struck == 0) | (struck == 255)).all()


def test_light_and_contrast():
    color = np.full((4, 4, 3), (100, 50, 0), "uint8")
    brighter = at("brightness", 4, color)[0, 0] / 255
    assert brighter[0] == pytest.approx(100 / 255 + 0.2, abs=0.003)
    assert brighter[1] / brighter[0] == pytest.approx(0.5, abs=0.01) and brighter[2] == 0
    assert (at("brightness", 1, np.zeros((4, 4, 3), "uint8")) == 13).all()  # Black has no hue.
    flat = at("contrast", 5)
    for name, expected in (("std", 0.15), ("mean", 1)):
        changed, before = (getattr(image, name)((0, 1)) for image in (flat, PHOTOGRAPH))
        np.testing.assert_allclose(changed, expected * before, rtol=0.05)


MOVING = ("defocus_blur", "motion_blur", "zoom_blur", "glass_blur", "elastic_transform", "pixelate")


@pytest.mark.parametrize("name", MOVING)
def test_what_moves_pixels_leaves_a_plain_image(name):
    plain = np.full((32, 32, 3), 77, "uint8")
    np.testing.assert_array_equal(at(name, 5, plain), plain)


@pytest.mark.parametrize("name", ["defocus_blur", "motion_blur"])
def test_blurs_keep_the_light_of_a_point_and_spread_it(name):
    point = np.zeros((33, 33, 3), "uint8")
    point[16, 16] = 255
    blurred = at(name, 5, point)
    assert 0 < blurred[16, 16, 0] < 128 and (blurred > 0).sum() > 9
    assert blurred.sum() / 3 == pytest.approx(255, abs=12)


def test_lengths_grow_with_the_image():
    """A blur of a large photograph takes away as much as that of the small one."""
    large = np.kron(PHOTOGRAPH, np.ones((3, 3, 1), "uint8"))
    for name in ("defocus_blur", "motion_blur"):
        small, big = (at(name, 5, image).std() / PHOTOGRAPH.std() for image in (PHOTOGRAPH, large))
        assert big == pytest.approx(small, rel=0.1)


def test_test_images_alone_are_corrupted_each_in_its_own_way():
    data = datasets.digits(num_train=20, num_test=30)
    noisy = datasets.with_corruption(data, "gaussian_noise", 5)
    np.testing.assert_array_equal(noisy.x_train, data.x_train)
    (images, labels) = noisy.test_batches(30)[0]
    assert images.shape == (30, 8, 8, 1) and images.max() <= 1
    np.testing.assert_array_equal(labels, data.y_test)
    noise = images - data.x_test
    assert noise.std() == pytest.approx(0.07, abs=0.03)  # Half of it leaves [0, 1].
    assert (noise[0] != noise[1]).any()
    # Whichever batches they come in.
    parts = [batch for batch, _ in noisy.test_batches(7)]
    np.testing.assert_array_equal(np.concatenate(parts), images)


def test_photographs_are_corrupted_when_they_are_asked_for():
    sources = [np.full((20, 30, 3), 9 * n, "uint8") for n in range(5)]
    images = CorruptedImages(LazyImages(sources, (8, 8)), "shot_noise", 1, seed=3)
    np.testing.assert_array_equal(images.subset(np.array([3, 1]))[1:], images[1:2])
    assert [image.shape for image in images.full_size(slice(2))] == [(20, 30, 3)] * 2
    assert (images.full_size(slice(4, 5))[0] != sources[4]).any()


def test_other_names_strengths_and_channels_are_refused():
    data = datasets.digits(num_test=10)
    with pytest.raises(ValueError, match=r"'gaussian_noise', .*Received: name='snow'"):
        datasets.with_corruption(data, "snow", 1)
    with pytest.raises(ValueError, match=r"1 to 5. Received: strength=6"):
        datasets.with_corruption(data, "contrast", 6)
    odd = datasets.Dataset(*[np.zeros((2, 4, 4, 2), "uint8"), np.array([0, 1])] * 2, 2, "odd")
    with pytest.raises(ValueError, match=r"one channel or three. Received: .*\(4, 4, 2\)"):
        datasets.with_corruption(odd, "contrast", 1)


def other(names, channels=3, side=16):
    """A data set of another size, whose images tell their labels."""
    labels = np.arange(len(names), dtype="int32")
    images = np.full((len(names), side, side, channels), 20, "uint8") * (1 + labels)[
        :, None, None, None
    ].astype("uint8")
    return datasets.Dataset(
        images, labels, images, labels, len(names), "other", class_names=tuple(names)
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_classes_of_another_data_set_are_matched_by_name(channels):
    data = other(["cat", "dog", "eel"], channels=4 - channels, side=8)
    both = datasets.with_test_images(data, other(["eel", "cat"], channels))
    np.testing.assert_array_equal(both.y_test, [2, 0])
    assert both.x_test[:].shape == (2, 8, 8, 4 - channels)
    np.testing.assert_array_equal(both.x_test[:][:, 0, 0, 0], [20, 40])
    np.testing.assert_array_equal(both.x_train, data.x_train)


def test_other_classes_are_refused():
    expected = "other must have classes of digits only: 0, 1.*Received: cat"
    with pytest.raises(ValueError, match=expected):
        datasets.with_test_images(datasets.digits(), other(["0", "cat"]))
