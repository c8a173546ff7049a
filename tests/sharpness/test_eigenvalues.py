"""The largest eigenvalues of matrices whose spectrum is known."""

import numpy as np
import pytest

from keras_sam import sharpness
from tests.sharpness.matrices import Matrix, with_spectrum

# Matrices in NumPy; `test_operators.py` has the eigenvalues of a network.
pytestmark = pytest.mark.once

SPECTRUM = np.concatenate([[9, -8, 7, 5, -4.5, 3], np.linspace(-1, 1, 34)])


@pytest.mark.parametrize("method", ["lanczos", "power"])
@pytest.mark.parametrize(
    ("which", "expected"), [("algebraic", [9, 7, 5, 3]), ("magnitude", [9, -8, 7, 5])]
)
def test_known_spectrum(method, which, expected):
    found = sharpness.top_eigenvalues(
        with_spectrum(SPECTRUM), k=4, method=method, which=which, tolerance=1e-8
    )
    np.testing.assert_allclose(found.values, expected, rtol=1e-5)
    np.testing.assert_allclose(found.vectors.T @ found.vectors, np.eye(4), atol=1e-6)
    assert found.residuals.max() < 1e-2


@pytest.mark.parametrize("method", ["lanczos", "power"])
def test_all_eigenvalues_of_a_small_matrix(method):
    found = sharpness.top_eigenvalues(with_spectrum([3, -2, 1]), k=3, method=method, tolerance=1e-9)
    np.testing.assert_allclose(found.values, [3, 1, -2], rtol=1e-5)


def test_residuals_bound_the_error():
    matrix = with_spectrum(SPECTRUM)
    found = sharpness.top_eigenvalues(matrix, k=2, method="power", tolerance=1e-2)
    for value, vector, residual in zip(found.values, found.vectors.T, found.residuals):
        np.testing.assert_allclose(residual, np.linalg.norm(matrix.dense @ vector - value * vector))
        assert np.abs(SPECTRUM - value).min() <= residual + 1e-9
    assert found.iterations == matrix.products


def test_power_iteration_is_not_done_because_the_shift_is_large():
    matrix = with_spectrum([-100, 0.1, *np.linspace(-0.05, 0.05, 30)])
    found = sharpness.top_eigenvalues(matrix, method="power", max_iterations=30_000)
    np.testing.assert_allclose(found.values, [0.1], rtol=0.15)


def test_ratio():
    found = sharpness.top_eigenvalues(with_spectrum(np.arange(1.0, 21)), k=5)
    assert found.ratio() == pytest.approx(20 / 16)
    assert found.ratio(2) == pytest.approx(20 / 19)
    with pytest.raises(ValueError, match="position"):
        found.ratio(6)
    low_rank = sharpness.top_eigenvalues(with_spectrum([3, 2, *[0] * 20]), k=5)
    assert np.isnan(low_rank.ratio()) and low_rank.ratio(2) == pytest.approx(1.5)


@pytest.mark.parametrize("method", ["lanczos", "power"])
def test_seed_decides(method):
    matrix = with_spectrum(SPECTRUM)
    arguments = {"method": method, "tolerance": 1e-3}
    first, again, other = (
        sharpness.top_eigenvalues(matrix, seed=seed, **arguments) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.vectors, again.vectors)
    assert (first.vectors != other.vectors).any()


@pytest.mark.parametrize("method", ["lanczos", "power"])
def test_zero_matrix(method):
    values = sharpness.top_eigenvalues(Matrix(np.zeros((30, 30))), k=2, method=method).values
    np.testing.assert_allclose(values, 0, atol=1e-12)


@pytest.mark.parametrize("method", ["lanczos", "power"])
def test_not_found_in_time(method):
    matrix = with_spectrum(np.linspace(0.99, 1, 200))
    with pytest.raises(RuntimeError, match="max_iterations"):
        sharpness.top_eigenvalues(matrix, k=3, method=method, tolerance=1e-12, max_iterations=2)


@pytest.mark.parametrize(
    "bad", [{"k": 0}, {"k": 41}, {"method": "qr"}, {"which": "least"}, {"tolerance": 0}]
)
def test_bad_arguments(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        sharpness.top_eigenvalues(with_spectrum(SPECTRUM), **bad)


def test_progress_bar_counts_products(capsys):
    found = sharpness.top_eigenvalues(with_spectrum(SPECTRUM), progress=True)
    assert f"{found.iterations}product" in capsys.readouterr().err
