"""Shift and flip, Cutout, MixUp, CutMix and random crops: what they do to known images."""

import itertools

import numpy as np
import pytest

from keras_sam import datasets
from keras_sam.datasets.augmentation import cutout
from keras_sam.datasets.cropping import ASPECTS, _random_box, centre_crops, random_crops
from keras_sam.datasets.mixing import cutmix, mix_batch, mixup


def moved(image, rows, columns, mode="constant"):
    """An image moved by some pixels, with zeros where nothing was, or what is mirrored there."""
    padded = np.pad(image, ((2, 2), (2, 2), (0, 0)), mode)
    height, width = image.shape[:2]
    return padded[2 + rows : 2 + rows + height, 2 + columns : 2 + columns + width]


@pytest.mark.parametrize("padding, mode", [("zeros", "constant"), ("reflect", "reflect")])
@pytest.mark.parametrize("flip", [False, True])
def test_augmentation_moves_and_mirrors_and_does_nothing_else(flip, padding, mode):
    images = np.random.default_rng(0).normal(size=(200, 6, 5, 2)).astype("float32")
    augmented = datasets.shift_and_flip(images, np.random.default_rng(1), 1, flip, padding)
    assert augmented.shape == images.shape and augmented.dtype == "float32"
    seen = set()
    for before, after in zip(images, augmented, strict=True):
        candidates = itertools.product((-1, 0, 1), (-1, 0, 1), (False, True))
        matches = [
            (rows, columns, mirror)
            for rows, columns, mirror in candidates
            if np.array_equal(moved(before, rows, columns, mode)[:, :: -1 if mirror else 1], after)
        ]
        assert len(matches) == 1
        seen.add(matches[0])
    assert len(seen) == (18 if flip else 9)


@pytest.mark.parametrize("size", [4, 16])
def test_cutout_hides_one_square(size):
    images = np.ones((3000, 16, 16, 3), "float32")
    hidden = cutout(images, np.random.default_rng(0), size) == 0
    assert (images == 1).all() and (hidden == hidden[..., :1]).all()
    rows, columns = hidden[..., 0].any(2).sum(1), hidden[..., 0].any(1).sum(1)
    np.testing.assert_array_equal(hidden[..., 0].sum((1, 2)), rows * columns)  # A rectangle,
    assert rows.max() == columns.max() == min(size, 16)  # a whole square
    assert rows.min() == columns.min() == size // 2  # or what of it is in the image.
    assert hidden[..., 0].any(0).all()  # Anywhere.


def marked(batch=8, side=12, seed=0):
    """Images that hold their own number, and the one-hot labels of these."""
    numbers = np.arange(batch, dtype="float32").reshape(-1, 1, 1, 1)
    return numbers * np.ones((1, side, side, 2), "float32"), np.eye(batch, dtype="float32")


def test_mixup_mixes_images_as_labels():
    images, labels = marked()
    mixed, soft = mixup(images, labels, np.random.default_rng(1), alpha=1.0)
    np.testing.assert_allclose(soft.sum(1), 1, rtol=1e-6)
    assert mixed.dtype == soft.dtype == "float32" and (soft > 0).sum() > len(soft)
    # The mean of the numbers with the weights of the labels is what the image holds.
    np.testing.assert_allclose(soft @ np.arange(8), mixed[:, 0, 0, 0], rtol=1e-5)
    assert (mixed == mixed[:, :1, :1, :1]).all()


@pytest.mark.parametrize("alpha", [1.0, 8.0, 32.0])
def test_mixup_alpha_is_that_of_a_beta_distribution(alpha):
    images, labels = marked(batch=2, side=1)
    seeds = map(np.random.default_rng, range(2000))
    weights = np.array([mixup(images, labels, seed, alpha)[1][0, 0] for seed in seeds])
    weights = weights[weights < 1]  # The others were mixed with themselves.
    assert 900 < len(weights) < 1100
    assert weights.mean() == pytest.approx(0.5, abs=0.03)
    assert weights.var() == pytest.approx(1 / (8 * alpha + 4), rel=0.1)


def test_cutmix_labels_are_the_areas():
    images, labels = marked()
    seen = set()
    for seed in range(30):
        mixed, soft = cutmix(images, labels, np.random.default_rng(seed))
        areas = [[(image[..., 0] == n).mean() for n in range(8)] for image in mixed]
        np.testing.assert_allclose(soft, areas, atol=1e-6)
        changed = (mixed != images)[..., 0].any(0)
        assert changed.sum() == changed.any(1).sum() * changed.any(0).sum()  # One box.
        seen.add(int(changed.sum()))
    assert len(seen) > 10 and max(seen) > 72


def test_cutmix_alpha_decides_how_the_areas_scatter():
    def area(alpha, seed):
        images = np.stack([np.zeros((64, 64, 1)), np.ones((64, 64, 1))]).astype("float32")
        return cutmix(images, np.eye(2), np.random.default_rng(seed), alpha)[0][0].mean()

    # Half the area where alpha is huge, less where the edge of the image clips the box.
    areas = [area(1e6, seed) for seed in range(200)]
    areas = [value for value in areas if value > 0]  # The others were mixed with themselves.
    assert 0.45 < max(areas) < 0.51 and min(areas) > 0.1
    assert max(area(1.0, seed) for seed in range(200)) > 0.7


def test_both_kinds_of_mixing_take_turns():
    images, labels = marked()
    batches = [
        mix_batch(images, labels, np.random.default_rng(seed), ("mixup", "cutmix"), 1.0)[0]
        for seed in range(20)
    ]
    blended = [not np.isin(mixed, images).all() for mixed in batches]
    assert 3 < sum(blended) < 17


def gradient(height, width):
    """An image whose red is the row, green the column, in eighths."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows, columns, rows * 0], -1).astype("uint8")


def test_random_crops_are_parts_of_the_photographs():
    photographs = [gradient(120, 200), gradient(90, 60)]
    generator = np.random.default_rng(0)
    crops = [random_crops(photographs, generator, (16, 16), flip=True) for _ in range(40)]
    for number, photograph in enumerate(photographs):
        reds, greens = (np.stack([crop[number, ..., c] for crop in crops]) for c in (0, 1))
        assert reds.dtype == "uint8" and (np.diff(reds.astype(int), axis=1) >= 0).all()
        steps = np.diff(greens.astype(int), axis=2)
        mirrored = (steps <= 0).all((1, 2))
        assert (mirrored | (steps >= 0).all((1, 2))).all() and 8 < mirrored.sum() < 32
        assert reds.max() > photograph[..., 0].max() * 0.9


def test_random_boxes_have_the_areas_and_aspects_asked_for():
    generator = np.random.default_rng(0)
    boxes = np.array([_random_box((480, 640, 3), generator) for _ in range(500)])
    widths, heights = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    assert boxes.min() >= 0 and boxes[:, 2].max() <= 640 and boxes[:, 3].max() <= 480
    areas = widths * heights / (480 * 640)
    assert 0.07 < areas.min() < 0.12 and areas.max() > 0.85
    assert (
        ASPECTS[0] - 0.02 < (widths / heights).min()
        and (widths / heights).max() < ASPECTS[1] + 0.02
    )
    assert _random_box((1, 400, 3), generator) == (0, 0, 400, 1)  # No part is wide enough.


def test_centre_crop_keeps_the_shape_of_things():
    crops = centre_crops([gradient(64, 128), gradient(128, 64)], (56, 56))
    # Pixels 4 to 59 of the shorter side and 36 to 91 of the longer one, one for one.
    np.testing.assert_array_equal(crops[0, :, 0, 0], np.arange(4, 60))
    np.testing.assert_array_equal(crops[0, 0, :, 1], np.arange(36, 92))
    np.testing.assert_array_equal(crops[1, :, 0, 0], np.arange(36, 92))
