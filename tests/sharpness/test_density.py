"""Spectral densities of matrices whose spectrum is known."""

import numpy as np
import pytest

from keras_sam import sharpness
from keras_sam.sharpness.lanczos import on_host, tridiagonal
from tests.sharpness.matrices import Matrix, with_spectrum

SPECTRUM = np.concatenate([np.linspace(-1, 1, 55), [3, 5, 8, 13, 21]])


def start_of(matrix, seed=0):
    """The unit vector that a density with this seed starts from."""
    vector = np.random.default_rng(seed).standard_normal(matrix.shape[0])
    return vector / np.linalg.norm(vector)


@pytest.mark.parametrize("basis", ["host", "device"])
def test_quadrature_has_the_moments_of_its_start(basis):
    matrix = with_spectrum(SPECTRUM, dtype="float32")
    density = sharpness.spectral_density(matrix, steps=8, basis=basis)
    vector = start_of(matrix)
    power = vector
    for order in range(15):  # Up to 2 steps - 1.
        assert density.moment(order).value == pytest.approx(vector @ power, rel=1e-4, abs=1e-4)
        power = matrix.dense @ power
    assert density.moments == pytest.approx([density.moment(k).value for k in range(5)])


def test_integral_is_one():
    density = sharpness.spectral_density(with_spectrum(SPECTRUM), steps=30, starts=3)
    assert np.trapezoid(density.density, density.grid) == pytest.approx(1, abs=1e-4)
    first = np.trapezoid(density.grid * density.density, density.grid)
    assert first == pytest.approx(density.moment(1).value, rel=1e-3)
    assert (density.density >= 0).all() and density.density.shape == (10_000,)


def test_integral_is_one_for_a_wide_spectrum():
    density = sharpness.spectral_density(with_spectrum(1e6 * SPECTRUM), steps=5)
    assert np.trapezoid(density.density, density.grid) == pytest.approx(1, abs=1e-3)


def test_a_small_bulk_beside_large_eigenvalues_is_seen():
    spectrum = np.concatenate([[40, 20, 10, 5, 3, 2, 1], np.linspace(4e-3, 6e-3, 193)])
    matrix = with_spectrum(spectrum, dtype="float32")
    assert len(tridiagonal(*on_host(matrix, start_of(matrix).astype("float32")), 40)[0]) == 40


def test_moments_are_those_of_the_spectrum_within_the_standard_error():
    density = sharpness.spectral_density(with_spectrum(SPECTRUM), steps=10, starts=60)
    for order in (1, 2):
        moment = density.moment(order)
        assert abs(moment.value - np.mean(SPECTRUM**order)) < 4 * moment.standard_error
        assert moment.standard_error < 0.3 * moment.value
    assert np.isfinite(density.standard_error).all()


def test_whole_krylov_space_has_the_whole_spectrum():
    density = sharpness.spectral_density(with_spectrum(SPECTRUM), steps=1000)
    np.testing.assert_allclose(density.nodes[0], np.sort(SPECTRUM), atol=1e-8)
    assert density.weights[0].sum() == pytest.approx(1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_stops_in_an_invariant_subspace(dtype):
    spectrum = np.repeat([2.0, -1.0, 5.0], 20)
    matrix = with_spectrum(spectrum, dtype=dtype)
    density = sharpness.spectral_density(matrix, steps=40)
    np.testing.assert_allclose(density.nodes[0], [-1, 2, 5], rtol=1e-4)
    assert matrix.products == 3
    zeros = sharpness.spectral_density(Matrix(np.zeros((9, 9), dtype)))
    assert zeros.nodes[0].tolist() == [0] and np.isfinite(zeros.density).all()


def test_integers_are_read_as_numbers():
    matrix = Matrix(np.diag([1, 2, 5, 9]))
    found = sharpness.spectral_density(matrix).nodes[0]
    np.testing.assert_allclose(found, [1, 2, 5, 9], rtol=1e-6)
    assert sharpness.top_eigenvalues(matrix).values[0] == pytest.approx(9)
    assert sharpness.trace(matrix).value == 17


def test_no_ghosts():
    """Without reorthogonalisation converged eigenvalues come back again and again."""
    spectrum = np.concatenate([np.linspace(0, 0.01, 197), [10, 100, 1000]])
    matrix = with_spectrum(spectrum, dtype="float32")
    alphas, betas = tridiagonal(*on_host(matrix, start_of(matrix).astype("float32")), 40)
    values = np.linalg.eigvalsh(np.diag(alphas) + np.diag(betas, 1) + np.diag(betas, -1))
    assert len(alphas) == 40  # The large eigenvalues are found within the first few.
    assert (values > 5).sum() == 3
    assert (values > 500).sum() == 1


def test_more_starts_and_seeds():
    matrix = with_spectrum(SPECTRUM)
    one, again, other = (sharpness.spectral_density(matrix, 5, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.density, again.density)
    assert (one.nodes[0] != other.nodes[0]).any()
    assert np.isnan(one.standard_error).all()
    assert len(sharpness.spectral_density(matrix, 5, starts=2).nodes) == 2


@pytest.mark.parametrize("starts", [1, 12])
def test_what_is_saved_comes_back(starts, tmp_path):
    # Where the space ends early, starts have as many nodes as they found.
    density = sharpness.spectral_density(with_spectrum([1.0, 1.0, 4.0]), starts=starts)
    density.save(tmp_path / "density.npz")
    loaded = sharpness.Density.load(tmp_path / "density.npz")
    assert len(loaded.nodes) == len(loaded.weights) == starts
    for name in ("grid", "density", "standard_error"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(density, name))
    for name in ("nodes", "weights"):
        for left, right in zip(getattr(loaded, name), getattr(density, name), strict=True):
            np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("bad", [{"steps": 0}, {"starts": 0}, {"basis": "disk"}, {"variance": 0}])
def test_bad_arguments(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        sharpness.spectral_density(with_spectrum(SPECTRUM), **bad)


@pytest.mark.parametrize("basis", ["host", "device"])
def test_of_the_quadratic(quadratic, basis):
    density = sharpness.spectral_density(sharpness.Hessian(quadratic), basis=basis)
    np.testing.assert_allclose(density.nodes[0], [1, 2], rtol=1e-5)
