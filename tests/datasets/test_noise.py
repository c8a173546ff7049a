"""Label noise of three kinds: how many labels, and which."""

import dataclasses
import itertools

import numpy as np
import pytest

from keras_sam import datasets
from keras_sam.datasets.confusion import SUPERCLASSES


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


@pytest.mark.parametrize("fraction", [-0.1, 1.0, float("nan"), "0.4", None, True])
def test_label_noise_outside_its_range_is_refused(fraction):
    with pytest.raises(ValueError, match=r"\[0, 1\).*Received: label_noise="):
        datasets.with_label_noise(datasets.digits(num_train=10), fraction)


def blank(name, classes, of_each=10):
    """A data set of empty images, `of_each` of every class."""
    labels = np.repeat(np.arange(classes, dtype="int32"), of_each)
    images = np.zeros((len(labels), 2, 2, 3), "uint8")
    return datasets.Dataset(images, labels, images, labels, classes, name)


def test_pairs_flip_to_the_next_class():
    data = blank("any", 7)
    noisy = datasets.with_label_noise(data, 0.3, kind="pair")
    wrong = noisy.y_train != data.y_train
    assert wrong.sum() == 21
    np.testing.assert_array_equal(noisy.y_train[wrong], (data.y_train[wrong] + 1) % 7)


def test_similar_classes_of_cifar10():
    data = blank("cifar10", 10)
    data = dataclasses.replace(data, class_names=datasets.cifar.CIFAR10.class_names)
    noisy = datasets.with_label_noise(data, 0.4, kind="class")
    wrong = noisy.y_train != data.y_train
    assert wrong.sum() == 20  # Of the fifty examples of five classes.
    pairs = zip(data.y_train[wrong], noisy.y_train[wrong], strict=True)
    assert {tuple(data.class_names[label] for label in pair) for pair in pairs} == {
        ("truck", "automobile"),
        ("bird", "airplane"),
        ("deer", "horse"),
        ("cat", "dog"),
        ("dog", "cat"),
    }


def test_similar_classes_of_cifar100_stay_in_their_superclass():
    data = blank("cifar100", 100, of_each=2)
    noisy = datasets.with_label_noise(data, 0.995, kind="class")
    superclass = np.array(SUPERCLASSES.split(), int)
    assert np.bincount(superclass).tolist() == [5] * 20
    # Aquatic mammals: beaver, dolphin, otter, seal, whale, by their numbers.
    assert np.flatnonzero(superclass == 0).tolist() == [4, 30, 55, 72, 95]
    assert (noisy.y_train != data.y_train).sum() == 199
    np.testing.assert_array_equal(superclass[noisy.y_train], superclass[data.y_train])
    step = dict(zip(data.y_train[:].tolist(), noisy.y_train.tolist(), strict=True))
    ring = [4]
    while len(ring) < 5:
        ring.append(step[ring[-1]])
    assert sorted(ring) == [4, 30, 55, 72, 95]


def test_unknown_similarity_is_refused():
    expected = r"cifar10 and cifar100 only.*Received: kind='class' for the data set digits"
    with pytest.raises(ValueError, match=expected):
        datasets.with_label_noise(datasets.digits(num_train=10), 0.2, kind="class")


def test_unknown_kind_is_refused():
    with pytest.raises(ValueError, match=r"'symmetric', 'pair', 'class'\. Received: kind='round'"):
        datasets.with_label_noise(datasets.digits(num_train=10), 0.2, kind="round")
