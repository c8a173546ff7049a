"""Digits, subsets, the table of names, and the examples of all modules."""

import doctest
import importlib
import pkgutil
import sys

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


MODULES = [module.name for module in pkgutil.iter_modules(datasets.__path__)]


@pytest.mark.parametrize("module", MODULES)
def test_examples_run(module):
    module = importlib.import_module(f"keras_sam.datasets.{module}")
    outcome = doctest.testmod(module, extraglobs={"np": np})
    assert outcome.attempted > 0 and outcome.failed == 0
