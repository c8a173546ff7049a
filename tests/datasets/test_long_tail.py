"""Training sets with many images of some classes and few of others."""

import numpy as np
import pytest

from keras_sam import datasets
from keras_sam.datasets import long_tail

from .test_noise import blank


def counts(data):
    return np.bincount(data.y_train_clean, minlength=data.num_classes).tolist()


@pytest.mark.parametrize(
    "classes, of_each, factor, expected",
    [
        # CIFAR-10 and CIFAR-100, as others have them.
        (10, 5000, 100, [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]),
        (10, 5000, 10, [5000, 3871, 2997, 2320, 1796, 1391, 1077, 834, 645, 500]),
        (4, 5, 1000, [5, 1, 1, 1]),
        (3, 4, 1, [4, 4, 4]),
    ],
)
def test_the_profile_is_exponential(classes, of_each, factor, expected):
    data = datasets.with_imbalance(blank("any", classes, of_each), factor)
    assert counts(data) == expected and len(data.x_train) == sum(expected)
    assert len(data.y_test) == classes * of_each


def test_images_keep_their_labels_and_the_seed_chooses():
    data = datasets.digits()
    same, other = (datasets.with_imbalance(data, 10, seed) for seed in (0, 1))
    again = datasets.with_imbalance(data, 10)
    np.testing.assert_array_equal(same.x_train, again.x_train)
    assert counts(same) == counts(other) and (same.x_train != other.x_train).any()
    for image, label in zip(same.x_train[::20], same.y_train[::20], strict=True):
        (place,) = np.flatnonzero((data.x_train == image).all(axis=(1, 2, 3)))
        assert data.y_train[place] == label


def test_noise_and_a_holdout_go_with_it():
    held = datasets.holdout(blank("any", 5, 20), 0.25)
    data = datasets.with_label_noise(datasets.with_imbalance(held, 15), 0.4)
    assert np.bincount(data.y_test).tolist() == [5] * 5  # Of all classes alike.
    assert counts(data) == [15, 7, 3, 1, 1]
    assert (data.y_train != data.y_train_clean).sum() == round(0.4 * 27)


@pytest.mark.parametrize("factor", [0.5, 0, -1, float("inf"), "100", None])
def test_other_factors_are_refused(factor):
    with pytest.raises(ValueError, match=r"at least 1. Received: factor="):
        datasets.with_imbalance(datasets.digits(num_train=20), factor)


def test_counts_in_words():
    data = datasets.with_imbalance(blank("any", 30, 100), 100)
    assert long_tail.described(data) == "0 100, 1 85, 2 72, …, 27 1, 28 1, 29 1"
