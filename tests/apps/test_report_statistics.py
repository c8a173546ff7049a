"""The statistics of the report, against numbers worked out by hand."""

import pytest

from keras_sam.experiments.results.statistics import estimate, paired_difference


def test_interval_of_three_values():
    # Deviation 1, t(0.975, 2 degrees of freedom) = 4.302653: 4.302653 / sqrt(3).
    found = estimate([1.0, 2.0, 3.0])
    assert (found.mean, found.count) == (2.0, 3)
    assert found.half_width == pytest.approx(2.484138, abs=1e-6)
    assert found.text(2) == "2.00 ± 2.48" and found.text(1, signed=True) == "+2.0 ± 2.5"


def test_interval_of_two_values():
    # Deviation sqrt(2), t(0.975, 1) = 12.706205: 12.706205 * sqrt(2) / sqrt(2).
    assert estimate([70, 72]).half_width == pytest.approx(12.706205, abs=1e-5)


def test_one_seed_has_no_interval_and_none_has_no_mean():
    assert estimate([71.5]).text(1) == "71.5" and estimate([71.5]).half_width is None
    assert estimate([]) is None and paired_difference({1: 2.0}, {2: 1.0}) is None


def test_paired_difference_of_the_published_seeds():
    # Differences 6.07, 6.74, 6.81: mean 6.54, deviation 0.408534, times 4.302653 / sqrt(3).
    sam = {20: 71.22, 30: 70.77, 40: 70.98}
    sgd = {40: 64.17, 20: 65.15, 30: 64.03}
    found = paired_difference(sam, sgd)
    assert found.mean == pytest.approx(6.54) and found.count == 3
    assert found.half_width == pytest.approx(1.014855, abs=1e-5)


def test_only_common_seeds_are_paired():
    found = paired_difference({0: 5.0, 1: 7.0, 2: 100.0}, {1: 4.0, 0: 4.0, 3: -100.0})
    assert (found.mean, found.count) == (2.0, 2)


def test_what_a_seed_does_to_both_cancels():
    luck = {0: -10.0, 1: 0.0, 2: 12.0}
    sgd = {seed: 60 + value for seed, value in luck.items()}
    sam = {seed: 62 + value for seed, value in luck.items()}
    assert paired_difference(sam, sgd).half_width == pytest.approx(0, abs=1e-9)
    assert estimate(sam.values()).half_width > 20
