"""The universal class: trace, Frobenius norm and determinant of the Hessian, and one's own."""

import json

import keras
import numpy as np
import pytest
from keras import ops

import keras_sam
from keras_sam import methods
from keras_sam.ascent import RandomAscent
from keras_sam.descent import UniversalGradient, VarianceGradient
from tests.methods import cubic, draws
from tests.selection import one_everywhere
from tests.toys import CURVATURE, NO_TARGET, mean_output, one_step, quadratic

START = np.array([3.0, 2.0])
A = np.array([1.0, 2.0])
G = A * START


@keras.saving.register_keras_serializable(package="tests")
def tempered(x):
    """A psi of one's own."""
    return ops.sqrt(1 + ops.square(x))


@keras.saving.register_keras_serializable(package="tests")
def cubed(x):
    """A phi of one's own."""
    return x**3


def gradient(method, **arguments):
    """What the optimizer got in one step from the start."""
    weights, _ = one_step(method, **arguments)
    return (START - weights) / 0.1


def universal(slope, psi, psi_slope, around, strength=1.0, rho=0.5):
    """NumPy's gradient; `around(v)` is the rise of loss and of gradient at w + rho v."""

    def reference(*directions):
        rises, changes = zip(*[around(rho * v) for v in directions])
        rises = np.array(rises) / rho**2
        weights = psi_slope(rises) / len(rises)
        return G + strength * slope(np.mean(psi(rises))) * (weights @ np.array(changes))

    return reference


def quadratic_around(e):
    """Rise of the quadratic's loss, and change of its gradient."""
    return G @ e + A @ e**2 / 2, A * e


DET = (lambda x: -2 / x**3, lambda x: np.exp(-x / 2), lambda x: -np.exp(-x / 2) / 2)
OWN = (lambda x: 3 * x**2, lambda x: np.sqrt(1 + x**2), lambda x: x / np.sqrt(1 + x**2))
TRACE = (np.ones_like, lambda x: x, np.ones_like)
DIRECTIONS = ([0.3, -0.2], [-0.5, 0.1], [0.2, 0.4])


def own(samples):
    """A method of the universal class that has no name."""
    descent = UniversalGradient(cubed, tempered, strength=0.7, samples=samples)
    return methods.Method(RandomAscent(), descent, rho=0.5)


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize(
    ("build", "functions", "options"),
    one_everywhere(
        [
            (lambda n: methods.TraceSAM(0.5, samples=n), TRACE, {}),
            (lambda n: methods.TraceSAM(0.5, strength=-0.4, samples=n), TRACE, {"strength": -0.4}),
            (lambda n: methods.DetSAM(0.5, samples=n, half_length=1.0), DET, {}),
            (
                lambda n: methods.DetSAM(0.5, 0.2, samples=n, half_length=1.0),
                DET,
                {"strength": 0.2},
            ),
            (own, OWN, {"strength": 0.7}),
        ]
    ),
)
def test_is_the_formula(monkeypatch, build, functions, options, samples):
    draws.fix(monkeypatch, *DIRECTIONS[:samples])
    reference = universal(*functions, quadratic_around, **options)
    expected = reference(*np.array(DIRECTIONS[:samples]))
    assert np.abs(expected - G).max() > 0.01
    np.testing.assert_allclose(gradient(build(samples)), expected, atol=2e-5, rtol=1e-5)


def test_det_draws_within_its_cube(monkeypatch):
    draws.fix(monkeypatch, [1.0, -1.0])
    expected = universal(*DET, quadratic_around, rho=1.0)(np.array([0.01, -0.01]))
    np.testing.assert_allclose(gradient(methods.DetSAM()), expected, atol=1e-5)


@pytest.mark.parametrize("name", ["trace_sam", "frob_sam", "det_sam"])
def test_without_strength_is_sgd(name):
    method = methods.get(name, rho=0.5, strength=0.0)
    np.testing.assert_allclose(gradient(method), (3.0, 4.0), atol=1e-5)


def test_trace_is_unbiased_on_a_quadratic(monkeypatch):
    """The Hessian is constant, so that opposite draws leave the gradient alone."""
    draws.fix(monkeypatch, [0.7, -1.1], [-0.7, 1.1])
    np.testing.assert_allclose(gradient(methods.TraceSAM(0.5, samples=2)), G, atol=1e-5)
    draws.fix(monkeypatch, [1.0, 0.0])
    np.testing.assert_allclose(gradient(methods.TraceSAM(0.5)), (3.5, 4.0), atol=1e-5)


@pytest.mark.parametrize(
    ("strength", "points", "expected"),
    [
        (1.0, [(1, 0), (-1, 0)], (9.0, 4.0)),
        (0.5, [(0, 1), (0, -1)], (3.0, 12.0)),
        # All corners of the square: their mean product is the unit matrix, over n - 1.
        (1.0, [(1, 1), (1, -1), (-1, 1), (-1, -1)], G + 4 / 3 * A * G),
    ],
)
def test_frob_is_the_covariance_of_loss_and_gradient(monkeypatch, strength, points, expected):
    draws.fix(monkeypatch, *np.array(points, "float32"))
    method = methods.FrobSAM(0.5, strength, samples=len(points))
    np.testing.assert_allclose(gradient(method), expected, atol=2e-5)


def loss(w, x):
    """Of the cubic model."""
    return x @ w**3 / 6 + np.sum(w) ** 2 / 2


def test_frob_off_a_quadratic(monkeypatch):
    """Two tensors, unequal draws, several steps: half the sample variance, differentiated."""
    directions = np.array([[0.3, -0.2, 0.4], [-0.5, 0.1, 0.2], [0.2, 0.4, -0.3]])
    draws.fix(monkeypatch, *[part for d in directions for part in (d[:2], d[2:])])

    def reference(w, x, t, rho=0.2, strength=0.3):
        points = w + rho * directions
        losses = np.array([loss(p, x) for p in points])
        slopes = np.array([cubic.gradient(p, x) for p in points])
        covariance = (losses - losses.mean()) @ (slopes - slopes.mean(axis=0)) / 2
        return cubic.gradient(w, x) + strength / rho**2 * covariance

    weights, _ = cubic.trained(methods.FrobSAM(0.2, 0.3, samples=3))
    cubic.assert_same(weights, cubic.descended(reference), atol=2e-5)


def test_variance_of_the_loss_under_its_draws():
    """Monte Carlo: `Var L(w + rho z) = rho^2 ||Aw||^2 + rho^4 ||A||_F^2 / 2`."""
    model = keras.Sequential([keras.Input((100_000,)), keras.layers.Dense(2, use_bias=False)])
    ascent = methods.FrobSAM().ascent
    draw = lambda oracle, context: ascent.perturbation(oracle, None, context)  # noqa: E731
    (offsets,) = draws.drawn_by(draw, model, rho=2.0)
    losses = (START + offsets) ** 2 @ A / 2
    expected = 2.0**2 * G @ G + 2.0**4 * (A @ A) / 2
    np.testing.assert_allclose(losses.var(), expected, rtol=0.03)


@pytest.mark.parametrize("build", [methods.FrobSAM, VarianceGradient])
def test_variance_needs_two_draws(build):
    with pytest.raises(ValueError, match=r"samples must be at least 2.*Received: samples=1"):
        build(samples=1)


def test_functions_of_ones_own_are_saved(monkeypatch, tmp_path):
    draws.fix(monkeypatch, *DIRECTIONS[:2])
    expected = universal(*OWN, quadratic_around, strength=0.7)(*np.array(DIRECTIONS[:2]))
    config = json.loads(json.dumps(methods.serialize(own(2))))
    np.testing.assert_allclose(gradient(methods.deserialize(config)), expected, rtol=1e-5)
    sam = keras_sam.SAMModel(quadratic(), method=own(2))
    sam.compile(keras.optimizers.SGD(0.1), loss=mean_output)
    sam.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    loaded.fit(CURVATURE, NO_TARGET, batch_size=4, verbose=0)
    weights = ops.convert_to_numpy(loaded.base_model.kernel.value)
    np.testing.assert_allclose((START - weights) / 0.1, expected, rtol=1e-5)
