"""GNP, SAGM and StableSAM: what is made of the gradients here and there."""

import keras
import numpy as np
import pytest

from keras_sam import ascent, descent, methods
from tests.methods.cubic import (
    BATCHES,
    START,
    Cubic,
    assert_same,
    descended,
    gradient,
    perturbed,
    trained,
    unit,
)
from tests.toys import CURVATURE, one_step

pytestmark = pytest.mark.once

F1 = np.array([3.0, 2.0])
ISOTROPIC = np.full((4, 2), 2.0, "float32")

# Method, and the gradient that the optimizer must get on the quadratic.
ROWS = [
    (methods.GNP(0.5, alpha=0.0), (3.0, 4.0)),
    (methods.GNP(0.5, alpha=0.5), (3.15, 4.4)),
    (methods.GNP(0.5, alpha=0.8), (3.24, 4.64)),
    (methods.GNP(0.5, alpha=1.0), (3.3, 4.8)),
    (methods.SAGM(0.5, alpha=0.0), (3.15, 4.4)),
    (methods.SAGM(0.5, alpha=0.001), (3.1485, 4.396)),
    (methods.SAGM(0.5, alpha=0.05), (3.075, 4.2)),
    (methods.SAGM(0.5, alpha=0.1), (3.0, 4.0)),
    (methods.StableSAM(0.0), (3.0, 4.0)),
    (methods.StableSAM(0.5), (2.832644, 4.120210)),
]


@pytest.mark.parametrize(("method", "expected"), ROWS)
def test_gradient_of_one_step(method, expected):
    weights, _ = one_step(method)
    np.testing.assert_allclose((F1 - weights) / 0.1, expected, atol=1e-5)


def matched(w, x, t):
    g = gradient(w, x)
    return (g + gradient(w + 0.5 * unit(g) - 0.2 * g, x)) / 2


def renormalized(w, x, t):
    return np.linalg.norm(gradient(w, x)) * unit(perturbed(w, x))


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (methods.GNP(0.5, 0.7), lambda w, x, t: 0.3 * gradient(w, x) + 0.7 * perturbed(w, x)),
        (methods.SAGM(0.5, alpha=0.2), matched),
        (methods.StableSAM(0.5), renormalized),
    ],
)
def test_several_steps(method, expected):
    assert_same(trained(method, 0.05)[0], descended(expected, 0.05))


def test_gnp_is_the_coupled_wsam():
    adam = keras.optimizers.Adam
    expected, _ = trained(methods.WSAM(0.5, gamma=0.8 / 1.8, decoupled=False), adam(0.1))
    assert_same(trained(methods.GNP(0.5, alpha=0.8), adam(0.1))[0], expected, 1e-6)


@pytest.mark.parametrize("alpha", [-0.1, 1.1, "0.5", True])
def test_gnp_refuses_a_share_that_is_none(alpha):
    with pytest.raises(ValueError, match=r"alpha must be a number from 0 to 1.*Received: alpha="):
        methods.GNP(alpha=alpha)


def test_sagm_goes_downhill_where_the_gradient_is_long():
    weights, _ = one_step(methods.SAGM(0.5, alpha=0.2))
    assert ((F1 - weights) / 0.1 < (3.0, 4.0)).all()


def test_sagm_may_have_any_ball_and_any_descent():
    """On ASAM's ball, with the gradient there alone: `A (w + e - alpha g)`."""
    step = ascent.AdaptiveAscent(eta=0.0)
    method = methods.Method(ascent.MatchingAscent(step, 0.05), rho=0.5)
    weights, _ = one_step(method)
    g = np.array([3.0, 4.0])
    move = 0.5 * F1**2 * g / np.linalg.norm(F1 * g) - 0.05 * g
    np.testing.assert_allclose((F1 - weights) / 0.1, g + (1, 2) * move, atol=1e-5)
    second = methods.Method(ascent.MatchingAscent(), descent.SecondOrderGradient())
    assert np.isfinite(one_step(second)[0]).all()


@pytest.mark.parametrize("method", [methods.StableSAM(0.5), methods.StableSAM(0.5, p=1)])
def test_stable_sam_keeps_the_length_of_the_gradient(method):
    weights, _ = one_step(method)
    np.testing.assert_allclose(np.linalg.norm((F1 - weights) / 0.1), 5, rtol=1e-6)


def test_stable_sam_of_an_isotropic_loss_is_sgd():
    weights, _ = one_step(methods.StableSAM(0.5), ISOTROPIC)
    np.testing.assert_allclose(weights, F1 - 0.1 * 2 * F1, atol=1e-6)


def test_stable_sam_goes_with_any_ascent():
    random = methods.Method(ascent.RandomAscent("sphere"), descent.RenormalizedGradient(), 0.5)
    weights, _ = one_step(random, CURVATURE)
    np.testing.assert_allclose(np.linalg.norm((F1 - weights) / 0.1), 5, rtol=1e-6)
    with pytest.raises(ValueError, match=r"use PerturbedGradient.*Received: ascent=MomentumAscent"):
        methods.Method(ascent.MomentumAscent(), descent.RenormalizedGradient())


def test_zero_gradients_are_left_as_they_are():
    for method in (methods.GNP(0.5), methods.SAGM(0.5), methods.StableSAM(0.5)):
        model = Cubic(coupling=0.0)
        weights, _ = trained(method, batches=np.zeros_like(BATCHES), model=model)
        np.testing.assert_array_equal(weights, np.float32(START))
