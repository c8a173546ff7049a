"""Methods that remember earlier gradients: friendly, vasso, s2sam and msam."""

import keras
import numpy as np
import pytest

from keras_sam import methods
from tests.methods.slopes import (
    RATE,
    Slopes,
    ball,
    batches,
    curved,
    flat,
    gradient,
    linear,
    on_batch,
    prepared,
    start,
    trained,
)
from tests.toys import CURVATURE, one_step, quadratic

pytestmark = pytest.mark.once

ROWS = curved()

# Method, its state, and the gradient that the optimizer must get on the quadratic, rho = 0.5.
FIXTURE = [
    (
        methods.Friendly(0.5, sigma=1.0),
        {"gradient_mean": [(1, 0)], "gradients_seen": 1},
        (3.223607, 4.894427),
    ),
    (methods.Friendly(0.5, sigma=1.0), {"gradient_mean": [(1, 0)]}, (3.3, 4.8)),
    (methods.S2SAM(0.5), {"previous_gradient": [(0, 1)]}, (3.0, 5.0)),
    (methods.MSAM(0.5), {"velocity": [(0, 1)]}, (3.0, 3.0)),
    (methods.S2SAM(0.5), {}, (3.0, 4.0)),
    (methods.MSAM(0.5), {}, (3.0, 4.0)),
]


@pytest.mark.parametrize(("method", "state", "expected"), FIXTURE)
def test_gradient_of_one_step(method, state, expected):
    weights, _ = trained(method, CURVATURE, quadratic(), state=state)
    np.testing.assert_allclose((np.array([3.0, 2.0]) - weights) / 0.1, expected, atol=1e-5)


def friendly(rows, sigma, decay, rho=0.5):
    w, mean = start(), None
    for batch in batches(rows):
        g = gradient(w, batch)
        direction = g if mean is None else g - sigma * mean
        mean = g if mean is None else decay * mean + (1 - decay) * g
        w = w - RATE * gradient(w + ball(direction, rho), batch)
    return w


def vasso(rows, theta, rho=0.5):
    w, mean = start(), None
    for batch in batches(rows):
        g = gradient(w, batch)
        mean = g if mean is None else (1 - theta) * mean + theta * g
        w = w - RATE * gradient(w + ball(mean, rho), batch)
    return w


def s2sam(rows, rho=0.5):
    w, previous = start(), np.zeros(3)
    for batch in batches(rows):
        previous = gradient(w + ball(previous, rho), batch)
        w = w - RATE * previous
    return w


def msam(rows, momentum, rates, rho=0.5):
    w, velocity, step = start(), np.zeros(3), np.zeros(3)
    for batch, rate in zip(batches(rows), rates, strict=True):
        g = gradient(w - ball(velocity, rho), batch)
        velocity = momentum * velocity + g
        step = momentum * step - rate * g  # Keras's own buffer, which holds the rates as well.
        w = w + step
    return w


def msam_with_adam(rows, rate=0.1, rho=0.5):
    w, mean, square = start(), np.zeros(3), np.zeros(3)
    for index, batch in enumerate(batches(rows), start=1):
        g = gradient(w - ball(mean, rho), batch)
        mean, square = 0.8 * mean + 0.2 * g, 0.99 * square + 0.01 * g**2
        size = np.sqrt(square / (1 - 0.99**index))
        w = w - rate * mean / (1 - 0.8**index) / size
    return w


@pytest.mark.parametrize(("sigma", "decay"), [(1.0, 0.9), (0.6, 0.5), (1.0, 0.0)])
def test_friendly_climbs_along_the_gradient_less_the_mean_before(sigma, decay):
    weights, _ = trained(methods.Friendly(0.5, sigma, decay), ROWS)
    np.testing.assert_allclose(weights, friendly(ROWS, sigma, decay), atol=1e-5)


def test_friendly_with_sigma_0_is_sam():
    weights, _ = trained(methods.Friendly(0.5, sigma=0.0), ROWS)
    np.testing.assert_allclose(weights, trained(methods.SAM(0.5), ROWS)[0], atol=1e-6)


def test_friendly_stays_where_all_gradients_are_the_same():
    """From the second batch on nothing is special: not even the rounding of the mean."""
    shapes = ((3, 4), (5,))
    rows = linear(np.tile(np.linspace(-1.3, 0.7, 17), (12, 1)))
    weights, sam = trained(methods.Friendly(0.5), rows, Slopes(shapes), log_sharpness=True)
    np.testing.assert_allclose(weights, trained(None, rows, Slopes(shapes))[0], atol=1e-6)
    norm = next(metric for metric in sam.metrics if metric.name == "perturbation_norm")
    np.testing.assert_allclose(float(norm.result()), 0.5 / 3, atol=1e-6)


@pytest.mark.parametrize(
    ("theta", "expected"), [(0.9, (2.370356, 1.140254)), (0.4, (2.371929, 1.137652))]
)
def test_vasso_on_the_full_batch(theta, expected):
    weights, _ = one_step(methods.VaSSO(0.5, theta), steps=2)
    np.testing.assert_allclose(weights, expected, atol=1e-6)


@pytest.mark.parametrize("theta", [1.0, 0.9, 0.4, 0.01])
def test_vasso_climbs_along_the_mean(theta):
    weights, _ = trained(methods.VaSSO(0.5, theta), ROWS)
    np.testing.assert_allclose(weights, vasso(ROWS, theta), atol=1e-5)


def test_vasso_is_sam_with_theta_1_and_on_the_first_batch():
    for method, rows in ((methods.VaSSO(0.5, 1.0), ROWS), (methods.VaSSO(0.5, 0.4), ROWS[:4])):
        weights, _ = trained(method, rows)
        np.testing.assert_allclose(weights, trained(methods.SAM(0.5), rows)[0], atol=1e-6)


@pytest.mark.parametrize("theta", [0.0, -0.1, 1.1, True, "0.5"])
def test_vasso_refuses_a_share_that_is_none(theta):
    with pytest.raises(ValueError, match=r"theta must be a number above 0.*Received: theta="):
        methods.VaSSO(theta=theta)


def test_s2sam_climbs_along_the_gradient_before():
    weights, _ = trained(methods.S2SAM(0.5), ROWS)
    np.testing.assert_allclose(weights, s2sam(ROWS), atol=1e-5)


def test_s2sam_on_the_full_batch():
    """`w2 = w1 - lr A (w1 + rho A w0 / ||A w0||)`."""
    weights, _ = one_step(methods.S2SAM(0.5), steps=2)
    np.testing.assert_allclose(weights, (2.4, 1.2), atol=1e-5)


RATES = (0.1, 0.02, 0.2, 0.05)


@pytest.mark.parametrize("rates", [(RATE,) * 4, RATES])
@pytest.mark.parametrize("own", [0.7, None])
def test_msam_goes_further_along_the_momentum(rates, own):
    """Its direction does not mix learning rates, and its momentum is the optimizer's."""
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([0, 1, 2], list(rates))
    optimizer = keras.optimizers.SGD(schedule, momentum=0.7)
    weights, _ = trained(methods.MSAM(0.5, momentum=own), ROWS, optimizer=optimizer)
    np.testing.assert_allclose(weights, msam(ROWS, 0.7, rates), atol=1e-5)


@pytest.mark.parametrize("own", [0.8, None])
def test_msam_goes_along_the_first_moment_of_adam(own):
    optimizer = keras.optimizers.Adam(0.1, beta_1=0.8, beta_2=0.99)
    weights, _ = trained(methods.MSAM(0.5, momentum=own), ROWS, optimizer=optimizer)
    np.testing.assert_allclose(weights, msam_with_adam(ROWS), atol=1e-5)


def test_msam_has_a_momentum_beside_an_optimizer_that_has_none():
    expected, _ = trained(methods.MSAM(0.5, momentum=0.9), ROWS)
    np.testing.assert_array_equal(trained(methods.MSAM(0.5), ROWS)[0], expected)


@pytest.mark.parametrize("method", [methods.MSAM, methods.SAMPa])
def test_momentum_is_found_behind_the_scaling_of_a_loss(method):
    inner, explicit = (keras.optimizers.SGD(RATE, momentum=0.6) for _ in range(2))
    scaling = keras.optimizers.LossScaleOptimizer(inner, initial_scale=1.0)
    expected, _ = trained(method(0.5, momentum=0.6), ROWS, optimizer=explicit)
    np.testing.assert_allclose(trained(method(0.5), ROWS, optimizer=scaling)[0], expected)


def test_msam_with_the_radius_of_the_next_step_is_nesterov():
    """Keras's Nesterov keeps the weights of the look-ahead, `w - lr momentum v`."""
    sam = prepared(methods.MSAM(0.0), optimizer=keras.optimizers.SGD(RATE, momentum=0.9))
    for batch in batches(ROWS):
        velocity = flat(sam.memory.state["velocity"])
        sam.rho = RATE * 0.9 * float(np.linalg.norm(velocity))
        weights = on_batch(sam, batch)
    ahead = weights - RATE * 0.9 * flat(sam.memory.state["velocity"])
    nesterov = keras.optimizers.SGD(RATE, momentum=0.9, nesterov=True)
    np.testing.assert_allclose(ahead, trained(None, ROWS, optimizer=nesterov)[0], atol=1e-5)


@pytest.mark.parametrize(
    ("method", "rows"),
    [
        (methods.S2SAM(0.0), ROWS),
        (methods.MSAM(0.0), ROWS),
        (methods.S2SAM(0.5), ROWS[:4]),
        (methods.MSAM(0.5), ROWS[:4]),
        (methods.S2SAM(0.5), linear(ROWS[:, 3:])),
        (methods.MSAM(0.5), linear(ROWS[:, 3:])),
    ],
    ids=lambda part: getattr(part, "name", None),
)
def test_one_pass_is_the_optimizer_without_radius_or_past_or_curvature(method, rows):
    weights, _ = trained(method, rows, optimizer=keras.optimizers.SGD(RATE, momentum=0.9))
    plain, _ = trained(None, rows, optimizer=keras.optimizers.SGD(RATE, momentum=0.9))
    np.testing.assert_allclose(weights, plain, atol=1e-6)
