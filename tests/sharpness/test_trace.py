"""The trace of matrices whose trace is known."""

import math

import numpy as np
import pytest

from keras_sam import sharpness
from tests.sharpness.matrices import Matrix, with_spectrum

pytestmark = pytest.mark.once

SPECTRUM = 1 / np.arange(1.0, 61) - 0.01


@pytest.mark.parametrize("method", ["hutchinson", "hutch++"])
def test_within_the_standard_error(method):
    matrix = with_spectrum(SPECTRUM)
    found = [sharpness.trace(matrix, method, 30, 1e-9, seed) for seed in range(200)]
    values = np.array([estimate.value for estimate in found])
    error = np.sqrt(np.mean([estimate.standard_error**2 for estimate in found]))
    assert error == pytest.approx(values.std(), rel=0.2)
    assert abs(values.mean() - SPECTRUM.sum()) < 4 * error / np.sqrt(200)
    assert {estimate.products for estimate in found} == {30}


def test_hutch_plus_plus_is_the_more_accurate():
    def spread(method):
        values = [
            sharpness.trace(with_spectrum(SPECTRUM), method, 30, 1e-9, seed).value
            for seed in range(20)
        ]
        return np.std(values)

    assert spread("hutch++") < 0.5 * spread("hutchinson")


def test_one_probe_of_a_diagonal_matrix_is_exact():
    found = sharpness.trace(Matrix(np.diag(SPECTRUM)), max_products=1)
    assert found.value == pytest.approx(SPECTRUM.sum(), rel=1e-12)
    assert math.isnan(found.standard_error)
    assert sharpness.trace(Matrix(np.diag(SPECTRUM))).products == 2  # No spread: it stops.


def test_hutch_plus_plus_is_exact_for_low_rank():
    spectrum = np.zeros(60)
    spectrum[:5] = [4, -3, 2, 1, 0.5]
    found = sharpness.trace(with_spectrum(spectrum), "hutch++", max_products=15)
    assert found.value == pytest.approx(4.5, abs=1e-9)
    assert found.standard_error < 1e-9
    assert found.products == 15


def test_hutch_plus_plus_of_a_matrix_smaller_than_its_sketch():
    found = sharpness.trace(with_spectrum([3, -2, 1]), "hutch++", max_products=30)
    assert found.value == pytest.approx(2, abs=1e-9)


def test_stops_at_the_tolerance():
    found = sharpness.trace(with_spectrum(SPECTRUM + 1), max_products=1000, tolerance=0.01)
    assert found.products < 1000
    assert found.standard_error <= 0.01 * found.value


def test_the_standard_error_is_right_where_it_stops():
    matrix = with_spectrum(SPECTRUM + 0.3)
    found = [sharpness.trace(matrix, seed=seed) for seed in range(200)]
    assert np.median([estimate.products for estimate in found]) < 100  # Most have stopped.
    off = np.array([estimate.value for estimate in found]) - np.trace(matrix.dense)
    errors = np.array([estimate.standard_error for estimate in found])
    # Of 0.95 for a fixed number of probes, and of much less where two that agree are enough.
    assert np.mean(np.abs(off) < 2 * errors) > 0.8


def test_seed_decides():
    first, again, other = (
        sharpness.trace(with_spectrum(SPECTRUM), max_products=3, seed=seed) for seed in (1, 1, 2)
    )
    assert first == again != other


@pytest.mark.parametrize(
    ("match", "arguments"),
    [
        ("method", {"method": "exact"}),
        ("max_products", {"max_products": 0}),
        ("at least 3", {"method": "hutch++", "max_products": 2}),
        ("tolerance", {"tolerance": -1}),
    ],
)
def test_bad_arguments(match, arguments):
    with pytest.raises(ValueError, match=match):
        sharpness.trace(with_spectrum(SPECTRUM), **arguments)
