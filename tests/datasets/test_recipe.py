"""From names of augmentations to batches: order of the steps, labels, inputs and holdout."""

import numpy as np
import pytest

from keras_sam import datasets
from keras_sam.datasets import policies

MEAN, DEVIATION = (0.5, 0.25, 0.75), (0.5, 0.25, 0.125)
EVERY = ("basic", "autoaugment", "cutout", "mixup", "cutmix")


def photographs(count=40, side=16, flip=True, value=None):
    """Random photographs of two classes, or all of one value."""
    images = np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype="uint8")
    if value is not None:
        images[:] = value
    labels = (np.arange(count) % 2).astype("int32")
    return datasets.Dataset(
        images, labels, images, labels, 2, "made up", 2, flip, mean=MEAN, deviation=DEVIATION
    )


def test_prepare_standardises_bytes_and_leaves_floats():
    data = photographs()
    expected = (data.x_test / 255 - np.array(MEAN)) / np.array(DEVIATION)
    prepared = data.prepare(data.x_test)
    np.testing.assert_allclose(prepared, expected, rtol=1e-5, atol=1e-6)
    digits = datasets.digits(num_test=10)
    np.testing.assert_array_equal(digits.prepare(digits.x_test), digits.x_test)
    assert digits.prepare(digits.x_test) is not digits.x_test


@pytest.mark.parametrize(
    "inputs, low, high", [("unit", 0, 1), ("centred", -1, 1), ("pixels", 0, 255)]
)
def test_inputs_lie_in_their_range(inputs, low, high):
    data = datasets.with_inputs(photographs(), inputs)
    prepared = data.prepare(np.array([[[[0, 0, 0], [255, 255, 255]]]], "uint8"))
    np.testing.assert_allclose(prepared[0, 0, 0], low, atol=1e-6)
    np.testing.assert_allclose(prepared[0, 0, 1], high, rtol=1e-6)
    back = datasets.with_inputs(data, "standardised")
    assert (back.mean, back.deviation) == (MEAN, DEVIATION)


def test_unknown_statistics_are_measured():
    data = datasets.with_inputs(datasets.digits(), "standardised")
    prepared = data.prepare(data.x_train)
    assert prepared.mean() == pytest.approx(0, abs=1e-4)
    assert prepared.std() == pytest.approx(1, abs=1e-4)


def test_unknown_inputs_are_refused():
    with pytest.raises(ValueError, match=r"'pixels'\. Received: inputs='raw'"):
        datasets.with_inputs(photographs(), "raw")


def test_nothing_but_preparation_and_order():
    data = photographs()
    images, labels = data.training_batches(40, seed=3, augment="none")[0]
    assert images.dtype == "float32" and labels.dtype == "int32"
    places = [
        np.flatnonzero((data.prepare(data.x_train) == image).all((1, 2, 3))) for image in images
    ]
    assert sorted(int(place[0]) for place in places) == list(range(40))
    np.testing.assert_array_equal(labels, data.y_train[np.concatenate(places)])


@pytest.mark.parametrize("names", [("basic",), ("cutout",), ("cutout", "basic")])
def test_what_is_moved_or_cut_out_has_the_mean_colour(names):
    images, _ = photographs(value=255).training_batches(40, augment=names)[0]
    white = (1 - np.array(MEAN)) / np.array(DEVIATION)
    empty = (images == 0).all(-1)
    assert empty.any() and not empty.all()
    np.testing.assert_allclose(images[~empty], np.broadcast_to(white, images[~empty].shape))
    if "cutout" in names:
        assert empty.any((1, 2)).all()


def test_policies_see_bytes(monkeypatch):
    seen = []

    def watched(images, generator, policy):
        seen.append((images.dtype, images.shape, policy))
        return 255 - images

    monkeypatch.setattr(policies, "auto_augment", watched)
    data = photographs(value=255)
    images, _ = data.training_batches(8, augment=("cutout", "autoaugment"), workers=0)[0]
    assert seen == [(np.dtype("uint8"), (8, 16, 16, 3), policies.IMAGENET)]
    black = -np.array(MEAN, "float32") / np.array(DEVIATION, "float32")
    assert {tuple(pixel) for pixel in images.reshape(-1, 3)} == {tuple(black), (0.0, 0.0, 0.0)}


def test_mixing_comes_last_and_mixes_labels():
    data = photographs()
    plain, one_hot = data.training_batches(8, seed=1, augment="none", one_hot=True)[0]
    np.testing.assert_array_equal(one_hot.sum(1), 1)
    mixed, soft = data.training_batches(8, 1, ("mixup",), one_hot=True, mixup_alpha=8)[0]
    assert soft.dtype == "float32" and ((soft > 0) & (soft < 1)).any()
    np.testing.assert_allclose(soft.sum(1), 1, rtol=1e-6)
    assert any(
        np.allclose(mixed[0], weight * plain[0] + (1 - weight) * other, atol=1e-5)
        for other in plain
        for weight in (soft[0].max(), soft[0].min())
    )


def test_batches_are_a_function_of_seed_epoch_and_position():
    data = photographs()

    def batch(seed=0, epoch=1, index=1, workers=2):
        batches = data.training_batches(8, seed, EVERY, one_hot=True, workers=workers)
        batches.epoch = epoch
        return batches[index]

    for ours, again in zip(batch(), batch(workers=0), strict=True):
        np.testing.assert_array_equal(ours, again)
    for other in (batch(seed=1), batch(epoch=2), batch(index=2)):
        assert (other[0] != batch()[0]).any()


def test_evaluation_is_prepared_and_whole():
    data = photographs(count=10)
    images, labels = map(np.concatenate, zip(*data.test_batches(4), strict=True))
    np.testing.assert_array_equal(images, data.prepare(data.x_test))
    np.testing.assert_array_equal(labels, data.y_test)
    assert data.test_batches(4, one_hot=True)[2][1].tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    "augment, message",
    [
        (("basic", "cutot"), r"Unknown augmentation 'cutot': did you mean cutout.*basic,cutot"),
        (("none", "basic"), "'none' stands alone"),
        (("crop", "basic"), "one of basic and crop.*Received: augment=crop,basic"),
        (("autoaugment", "randaugment"), "one of autoaugment and randaugment"),
        (("basic", "mixup"), r"one_hot=True.*Received: augment=basic,mixup"),
    ],
)
def test_impossible_augmentations_are_refused(augment, message):
    with pytest.raises(ValueError, match=message):
        photographs().training_batches(8, augment=augment)


def test_policies_need_bytes():
    with pytest.raises(ValueError, match=r"photographs of bytes.*images of float32, augment=crop"):
        datasets.digits().training_batches(8, augment="crop")


def test_holdout_is_balanced_apart_and_clean():
    noisy = datasets.with_label_noise(photographs(count=50), 0.5)
    data, again = datasets.holdout(noisy, 0.2), datasets.holdout(noisy, 0.2)
    assert len(data.x_train) == 40 and np.bincount(data.y_test).tolist() == [5, 5]
    together = np.concatenate([data.x_train, data.x_test]).reshape(50, -1)
    whole = noisy.x_train.reshape(50, -1)
    np.testing.assert_array_equal(np.unique(together, axis=0), np.unique(whole, axis=0))
    places = [int(np.flatnonzero((whole == image.ravel()).all(1))[0]) for image in data.x_test]
    np.testing.assert_array_equal(data.y_test, noisy.y_train_clean[places])
    assert (data.y_train != data.y_train_clean).any()
    np.testing.assert_array_equal(data.x_test, again.x_test)
    assert (datasets.holdout(noisy, 0.2, seed=1).x_test != data.x_test).any()


@pytest.mark.parametrize("fraction", [0.0, 1.0, 0.01, -0.1, None])
def test_impossible_holdout_is_refused(fraction):
    with pytest.raises(ValueError, match=r"fraction.*Received: fraction="):
        datasets.holdout(photographs(), fraction)
