"""GSAM, WSAM and CR-SAM: more than the perturbed gradient goes to the optimizer."""

import keras
import numpy as np
import pytest

from keras_sam import methods
from keras_sam.schedules import FollowLearningRate
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
from tests.methods.references import Adam, Momentum, rate, schedule
from tests.toys import one_step

pytestmark = pytest.mark.once

F1 = np.array([3.0, 2.0])
ISOTROPIC = np.full((4, 2), 2.0, "float32")


def surrogate_gap(w, x, rho, alpha=0.4):
    g, ahead = gradient(w, x), perturbed(w, x, rho)
    return ahead - alpha * (g - (g @ unit(ahead)) * unit(ahead))


def curvature(w, x, gamma, beta, rho=0.5):
    g, ahead, behind = gradient(w, x), perturbed(w, x, rho), perturbed(w, x, -rho)
    return ahead + gamma * (ahead + behind - 2 * g) + beta * (ahead - behind)


ROWS = [
    (methods.GSAM(0.5, alpha=0.4), (3.232095, 4.846684)),
    (methods.WSAM(0.5, gamma=0.9, decoupled=False), (5.7, 11.2)),
    (methods.WSAM(0.5, gamma=0.9, decoupled=True), (5.7, 11.2)),
    (methods.CRSAM(0.5, gamma=0.1, beta=0.01), (3.306, 4.816)),
    # On a quadratic gamma has nothing to do: A w + rho (1 + 2 beta) A^2 w / ||A w||.
    (methods.CRSAM(0.5, gamma=3.0, beta=0.01), (3.306, 4.816)),
    (methods.CRSAM(0.5, gamma=0.1, beta=-0.2), (3.18, 4.48)),
]


@pytest.mark.parametrize(("method", "expected"), ROWS)
def test_gradient_of_one_step(method, expected):
    weights, _ = one_step(method)
    np.testing.assert_allclose((F1 - weights) / 0.1, expected, atol=1e-5)


@pytest.mark.parametrize("method", ROWS[1:3])
def test_wsam_weights_of_one_step(method):
    np.testing.assert_allclose(one_step(method[0])[0], (2.43, 0.88), atol=1e-6)


def test_gsam_lets_the_perturbed_loss_fall_as_sam_does():
    weights, _ = trained(methods.GSAM(0.5, alpha=0.7), 1.0, BATCHES[:1])
    d, ahead = START - weights, perturbed(START, BATCHES[0])
    np.testing.assert_allclose(d @ ahead, ahead @ ahead, rtol=1e-5)
    assert np.linalg.norm(d - ahead) > 0.01


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (methods.GSAM(0.5, alpha=0.7), lambda w, x, t: surrogate_gap(w, x, 0.5, 0.7)),
        (methods.CRSAM(0.5, 0.8, -0.3), lambda w, x, t: curvature(w, x, 0.8, -0.3)),
        (
            methods.WSAM(0.5, gamma=0.8, decoupled=False),
            lambda w, x, t: 4 * perturbed(w, x) - 3 * gradient(w, x),
        ),
        (
            methods.WSAM(0.5, gamma=0.8),
            lambda w, x, t: 4 * perturbed(w, x) - 3 * gradient(w, x),
        ),
    ],
)
def test_several_steps(method, expected):
    assert_same(trained(method, 0.05)[0], descended(expected, 0.05))


@pytest.mark.parametrize(
    "method",
    [
        methods.GSAM(0.5, alpha=0.0),
        methods.CRSAM(0.5, gamma=0.0, beta=0.0),
        methods.WSAM(0.5, gamma=0.5, decoupled=False),
    ],
)
def test_neutral_settings_are_sam(method):
    adam = keras.optimizers.Adam
    expected, _ = trained(methods.SAM(0.5), adam(0.1))
    assert_same(trained(method, adam(0.1))[0], expected, 1e-6)


@pytest.mark.parametrize("alpha", [0.4, 5.0])
def test_gsam_of_an_isotropic_loss_is_sam(alpha):
    weights, _ = one_step(methods.GSAM(0.5, alpha=alpha), ISOTROPIC)
    np.testing.assert_allclose(weights, one_step(methods.SAM(0.5), ISOTROPIC)[0], atol=1e-6)


@pytest.mark.parametrize(
    ("lr_min", "lr_max", "rho"),
    [(0.0, 0.1, 0.5), (0.1, 0.2, 0.1), (0.05, 0.15, 0.3), (0.1, 0.1, 0.5), (0.2, 0.4, 0.1)],
)
def test_gsam_radius_follows_the_learning_rate(lr_min, lr_max, rho):
    method = methods.GSAM(rho_min=0.1, rho_max=0.5, lr_min=lr_min, lr_max=lr_max)
    expected = START - 0.1 * surrogate_gap(START, BATCHES[0], rho)
    assert isinstance(method.rho, FollowLearningRate)
    assert_same(trained(method, 0.1, BATCHES[:1])[0], expected)


def test_gsam_radius_through_a_warm_up():
    cosine = keras.optimizers.schedules.CosineDecay(0.0, 4, warmup_target=0.1, warmup_steps=2)
    rates = [0.0, 0.05] + [0.05 * (1 + np.cos(np.pi * t / 4)) for t in range(4)]

    def step(w, x, t):
        share = np.clip((rates[t] - 0.02) / 0.08, 0, 1)
        return rates[t] * surrogate_gap(w, x, 0.2 + 0.3 * share)

    method = methods.GSAM(rho_min=0.2, rho_max=0.5, lr_min=0.02, lr_max=0.1)
    weights, _ = trained(method, keras.optimizers.SGD(cosine))
    assert_same(weights, descended(step, 1.0))


@pytest.mark.parametrize("given", [{"rho_max": 0.5}, {"lr_max": 0.1}, {"rho_min": 0.1}])
def test_gsam_wants_all_of_the_radius(given):
    with pytest.raises(ValueError, match=r"needs rho_max and lr_max.*Received: "):
        methods.GSAM(**given)


OPTIMIZERS = [
    (lambda: keras.optimizers.SGD(schedule(), momentum=0.9), Momentum),
    (lambda: keras.optimizers.Adam(schedule()), Adam),
]


@pytest.mark.parametrize(("optimizer", "reference"), OPTIMIZERS)
@pytest.mark.parametrize("every", [1, 2])
def test_decoupled_wsam_passes_the_optimizer_by(optimizer, reference, every):
    base, w = reference(), START
    for t, x in enumerate(BATCHES.astype("float64")):
        g, weight = gradient(w, x), 1.5 if t % every == 0 else 0.0
        w = w + base.step(g, t) - rate(t) * weight * (perturbed(w, x) - g)
    assert_same(trained(methods.WSAM(0.5, gamma=0.6, every=every), optimizer())[0], w)


@pytest.mark.parametrize("decoupled", [True, False])
def test_wsam_without_weight_is_the_optimizer(decoupled):
    expected, _ = trained(None, keras.optimizers.Adam(0.1))
    method = methods.WSAM(0.5, gamma=0.0, decoupled=decoupled)
    assert_same(trained(method, keras.optimizers.Adam(0.1))[0], expected, 1e-6)


def test_decoupled_wsam_refuses_to_accumulate_gradients():
    with pytest.raises(ValueError, match=r"decoupled=False.*Received: gradient_accumulation"):
        trained(methods.WSAM(), keras.optimizers.SGD(0.1, gradient_accumulation_steps=2))
    accumulating = keras.optimizers.SGD(0.1, gradient_accumulation_steps=2)
    trained(methods.WSAM(decoupled=False), accumulating)


@pytest.mark.parametrize(("gamma", "beta"), [(0.0, 0.0), (0.7, 0.0), (0.0, 0.3), (0.7, 0.3)])
def test_cr_sam_of_a_cubic(gamma, beta):
    model = Cubic(np.array([2.0, 1.0, 1.0]), coupling=0.0)
    only_first = np.array([[1.0, 0.0, 0.0]], "float32")
    weights, _ = trained(methods.CRSAM(0.5, gamma, beta), 0.1, only_first, model)
    expected = 2.5**2 / 2 + gamma * 0.5**2 + beta * 2 * 2.0 * 0.5
    np.testing.assert_allclose((2.0 - weights[0]) / 0.1, expected, atol=1e-5)
    np.testing.assert_array_equal(weights[1:], 1)
