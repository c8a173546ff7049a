"""Digits, subsets, label noise, augmentation and batches."""

import doctest
import importlib
import itertools
import sys

import keras
import numpy as np
import pytest

from keras_sam import datasets
from keras_sam.datasets.selection import balanced


def test_digits_are_split_once_and_for_all():
    data, again = datasets.digits(), datasets.get("digits")
    assert data.x_train.shape == (1297, 8, 8, 1) and data.x_test.shape == (500, 8, 8, 1)
    assert data.x_train.dtype == "float32" and data.y_train.dtype == "int32"
    assert data.x_train.min() == 0 and data.x_train.max() == 1
    assert np.bincount(data.y_test).tolist() == [50] * 10
    np.testing.assert_array_equal(data.x_train, again.x_train)
    np.testing.assert_array_equal(data.y_test, again.y_test)


def test_no_digit_is_in_both_parts():
    source = importlib.import_module("sklearn.datasets").load_digits()
    data = datasets.digits()
    rows = np.concatenate([data.x_train, data.x_test]).reshape(-1, 64) * 16
    labels = np.concatenate([data.y_train, data.y_test])
    ours = sorted(map(tuple, np.c_[rows, labels].astype(int)))
    assert ours == sorted(map(tuple, np.c_[source.data, source.target].astype(int)))


def test_subset_of_digits_is_balanced():
    data = datasets.digits(num_train=100, num_test=55)
    assert np.bincount(data.y_train).tolist() == [10] * 10
    assert sorted(np.bincount(data.y_test)) == [5] * 5 + [6] * 5


def test_missing_scikit_learn_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match=r"scikit-learn.*pip install keras-sam\[apps\]"):
        datasets.digits()


def test_unknown_data_set_names_the_nearest():
    with pytest.raises(ValueError, match=r"cifar10.*Received: dataset='cifar'"):
        datasets.get("cifar")


def test_balanced_goes_on_when_a_class_runs_out():
    labels = np.array([0, 0, 0, 0, 1, 0])
    np.testing.assert_array_equal(balanced(labels, 4), [0, 1, 2, 4])


@pytest.mark.parametrize("number", [0, 7])
def test_impossible_subset_is_refused(number):
    with pytest.raises(ValueError, match=f"1 to 6 of them. Received: {number}"):
        balanced(np.zeros(6, int), number)


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.4, 0.99])
def test_label_noise_is_exact(fraction):
    data = datasets.digits()
    noisy = datasets.with_label_noise(data, fraction, seed=3)
    wrong = noisy.y_train != data.y_train
    assert wrong.sum() == round(fraction * 1297)
    assert noisy.y_train.min() >= 0 and noisy.y_train.max() <= 9
    assert noisy.y_train.dtype == "int32"
    np.testing.assert_array_equal(noisy.y_train_clean, data.y_train)
    np.testing.assert_array_equal(noisy.y_test, data.y_test)


def test_label_noise_reaches_every_other_class_and_depends_on_the_seed():
    data = datasets.digits()
    noisy = datasets.with_label_noise(data, 0.9, seed=0)
    pairs = set(zip(data.y_train.tolist(), noisy.y_train.tolist(), strict=True))
    assert pairs == set(itertools.product(range(10), range(10)))
    same, other = (datasets.with_label_noise(data, 0.9, seed).y_train for seed in (0, 1))
    np.testing.assert_array_equal(noisy.y_train, same)
    assert (noisy.y_train != other).any()


def test_label_noise_starts_from_clean_labels():
    data = datasets.digits()
    twice = datasets.with_label_noise(datasets.with_label_noise(data, 0.5, 0), 0.2, 1)
    assert (twice.y_train != data.y_train).sum() == round(0.2 * 1297)


@pytest.mark.parametrize("fraction", [-0.1, 1.0, float("nan")])
def test_label_noise_outside_its_range_is_refused(fraction):
    with pytest.raises(ValueError, match=r"\[0, 1\).*Received: label_noise="):
        datasets.with_label_noise(datasets.digits(num_train=10), fraction)


def moved(image, rows, columns):
    """An image moved by some pixels, with zeros where nothing was."""
    padded = np.pad(image, ((2, 2), (2, 2), (0, 0)))
    height, width = image.shape[:2]
    return padded[2 + rows : 2 + rows + height, 2 + columns : 2 + columns + width]


@pytest.mark.parametrize("flip", [False, True])
def test_augmentation_moves_and_mirrors_and_does_nothing_else(flip):
    images = np.random.default_rng(0).normal(size=(200, 6, 5, 2)).astype("float32")
    augmented = datasets.shift_and_flip(images, np.random.default_rng(1), shift=1, flip=flip)
    assert augmented.shape == images.shape and augmented.dtype == "float32"
    seen = set()
    for before, after in zip(images, augmented, strict=True):
        candidates = itertools.product((-1, 0, 1), (-1, 0, 1), (False, True))
        matches = [
            (rows, columns, mirror)
            for rows, columns, mirror in candidates
            if np.array_equal(moved(before, rows, columns)[:, :: -1 if mirror else 1], after)
        ]
        assert len(matches) == 1
        seen.add(matches[0])
    assert len(seen) == (18 if flip else 9)


def numbered(count=10, **arguments):
    """Batches of images that hold their own number."""
    x = np.arange(count, dtype="float32").reshape(-1, 1, 1, 1) * np.ones((1, 4, 4, 1), "float32")
    arguments = {"batch_size": 3, "seed": 5} | arguments
    return datasets.Batches(x, np.arange(count), **arguments)


def epoch_of(batches, epoch):
    batches.epoch = epoch
    return [batches[index] for index in range(batches.num_batches)]


def test_an_epoch_visits_each_example_once_and_matches_its_label():
    images, labels = map(np.concatenate, zip(*epoch_of(numbered(), 0), strict=True))
    assert len(set(labels.tolist())) == 9  # Three full batches of ten examples.
    np.testing.assert_array_equal(images[:, 0, 0, 0], labels)


def labels_of(batches, epoch):
    return np.concatenate([labels for _, labels in epoch_of(batches, epoch)]).tolist()


def test_order_depends_on_seed_and_epoch_alone():
    batches = numbered(count=50)
    first, second = labels_of(batches, 0), labels_of(batches, 1)
    assert first != second
    assert labels_of(batches, 0) == first  # Going back is possible,
    assert labels_of(numbered(count=50), 1) == second  # and so is starting in the middle.
    assert labels_of(numbered(count=50, seed=6), 0) != first


def test_augmentation_depends_on_seed_epoch_and_position_alone():
    def augment(images, generator):
        return images + generator.random(images.shape).astype("float32")

    def pixels(epoch, **arguments):
        batches = numbered(augment=augment, **arguments)
        return np.stack(
            [images - labels.reshape(-1, 1, 1, 1) for images, labels in epoch_of(batches, epoch)]
        )

    np.testing.assert_array_equal(pixels(1), pixels(1))
    others = [pixels(0), pixels(2), pixels(1, seed=6)]
    assert all((pixels(1) != other).all() for other in others)
    assert (pixels(1)[0] != pixels(1)[1]).all()


def test_fit_follows_the_epochs_from_where_it_starts():
    seen = []

    class Recorded(datasets.Batches):
        def __getitem__(self, index):
            seen.append(self.epoch)
            return super().__getitem__(index)

    batches = Recorded(np.ones((8, 1), "float32"), np.ones((8, 1), "float32"), batch_size=4)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    callbacks = [batches.follow_epochs()]
    model.fit(batches, epochs=5, initial_epoch=3, callbacks=callbacks, shuffle=False, verbose=0)
    # Before the first epoch, Keras may look at batches to build the model.
    assert seen.count(3) >= 2 and seen.count(4) >= 2 and set(seen) <= {0, 3, 4}


def test_few_examples_make_one_batch():
    batches = numbered(count=2, batch_size=8)
    assert batches.num_batches == 1 and len(batches[0][1]) == 2


@pytest.mark.parametrize(
    "x, y, batch_size, message",
    [
        (np.ones(3), np.ones(2), 1, "Received: 3 and 2"),
        (np.ones(0), np.ones(0), 1, "Received: 0 and 0"),
        (np.ones(3), np.ones(3), 0, "Received: batch_size=0"),
    ],
)
def test_wrong_batches_are_refused(x, y, batch_size, message):
    with pytest.raises(ValueError, match=message):
        datasets.Batches(x, y, batch_size)


MODULES = ["augmentation", "batches", "cifar", "dataset", "digits", "extras", "noise"]


@pytest.mark.parametrize("module", [*MODULES, "selection", "table"])
def test_examples_run(module):
    module = importlib.import_module(f"keras_sam.datasets.{module}")
    outcome = doctest.testmod(module, extraglobs={"np": np})
    assert outcome.attempted > 0 and outcome.failed == 0
