"""R-SAM and random perturbations: where they look, and how they draw."""

import json

import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_sam
from keras_sam import methods, schedules
from keras_sam.ascent import NoisyAscent, RandomAscent
from tests.methods import cubic, draws
from tests.methods.draws import drawn_by
from tests.toys import CURVATURE, mean_output, one_step, quadratic

START = np.array([3.0, 2.0])
LENGTH = np.sqrt(13)  # Of the only tensor, which is the only filter.
A = np.array([1.0, 2.0])
NOISE = np.array([0.1, -0.1])


def noisy_sam(w, noise, rho=0.5, lam=2.0):
    """R-SAM's gradient on the quadratic."""
    direction = lam * A * (w + noise) + noise
    return A * (w + rho * direction / np.linalg.norm(direction))


def gradient(method, x=CURVATURE):
    """What the optimizer got in one step from the start."""
    weights, _ = one_step(method, x)
    return (START - weights) / 0.1


def test_row_of_the_fixture(monkeypatch):
    draws.fix(monkeypatch, NOISE / LENGTH / 0.01)
    found = gradient(methods.RandomSAM(0.5, sigma=0.01))
    np.testing.assert_allclose(found, (3.321596, 4.765705), atol=1e-5)


@pytest.mark.parametrize("lam", [0.0, 0.5])
def test_weighs_the_gradient_against_the_noise(monkeypatch, lam):
    draws.fix(monkeypatch, NOISE / LENGTH / 0.01)
    found = gradient(methods.RandomSAM(0.5, sigma=0.01, lam=lam))
    np.testing.assert_allclose(found, noisy_sam(START, NOISE, lam=lam), atol=1e-5)


def test_without_noise_is_sam():
    found = gradient(methods.RandomSAM(0.5, sigma=0.0))
    np.testing.assert_allclose(found, (3.3, 4.8), atol=1e-5)


def test_climbs_along_the_noise_where_it_lands_on_flat_ground(monkeypatch):
    draws.fix(
        monkeypatch, -START / LENGTH / 0.1
    )  # The noise leads to the minimum, where the gradient is 0.
    found = gradient(methods.RandomSAM(0.5, sigma=0.1))
    np.testing.assert_allclose(found, A * (START - 0.5 * START / LENGTH), atol=1e-5)


@pytest.mark.parametrize(
    ("method", "x", "length"),
    [
        (methods.RandomSAM(0.5, sigma=0.3), CURVATURE, 0.5),
        (methods.RandomSAM(0.5, sigma=0.3), 0 * CURVATURE, 0.5),
        (methods.RandomSAM(0.5, sigma=0.0), 0 * CURVATURE, 0.0),
        (methods.Method(RandomAscent("sphere"), rho=0.5), CURVATURE, 0.5),
        (methods.Method(RandomAscent("sphere", size=0.1), rho=0.5), CURVATURE, 0.05),
    ],
)
def test_length_of_the_perturbation(method, x, length):
    sam = keras_sam.SAMModel(quadratic(), method=method, log_sharpness=True)
    sam.compile("sgd", loss=mean_output)
    logs = sam.fit(x, np.zeros((4, 1)), batch_size=4, verbose=0).history
    np.testing.assert_allclose(logs["perturbation_norm"], length, rtol=1e-5)


def varying():
    """A noise of 0.2, 0.1, then none."""
    return keras.optimizers.schedules.PolynomialDecay(0.2, decay_steps=2, end_learning_rate=0.0)


def following():
    """The same, along a learning rate of 0.1, 0.05, 0."""
    return schedules.FollowLearningRate(0.2, lr_max=0.1)


@pytest.mark.parametrize("sigma", [varying, following])
def test_noise_follows_a_schedule(monkeypatch, sigma):
    draws.fix(monkeypatch, [1.0, -2.0])
    rate = keras.optimizers.schedules.PolynomialDecay(0.1, decay_steps=2, end_learning_rate=0.0)
    expected = START
    for sigma_now, rate_now in ((0.2, 0.1), (0.1, 0.05)):
        noise = sigma_now * np.linalg.norm(expected) * np.array([1.0, -2.0])
        expected = expected - rate_now * noisy_sam(expected, noise)
    saved = json.loads(json.dumps(methods.serialize(methods.RandomSAM(0.5, sigma=sigma()))))
    weights, _ = one_step(methods.deserialize(saved), learning_rate=rate, steps=2)
    np.testing.assert_allclose(weights, expected, atol=1e-5)


def test_two_tensors_share_one_norm(monkeypatch):
    draws.fix(monkeypatch, [1.0, -2.0], [0.5])

    def reference(w, x, t):
        noise = 0.1 * np.array([1.0, -2.0, 0.5]) * np.linalg.norm(w[:2])
        noise[2] = 0.1 * 0.5 * abs(w[2])
        direction = 2 * cubic.gradient(w + noise, x) + noise
        return cubic.gradient(w + 0.5 * cubic.unit(direction), x)

    weights, _ = cubic.trained(methods.RandomSAM(0.5, sigma=0.1))
    cubic.assert_same(weights, cubic.descended(reference))


def wide():
    """Two kernels (10000, 2) with filters of length 1 and 5, and their biases."""
    model = keras.Sequential([keras.Input((10_000,)), layers.Dense(2)])
    twin = layers.Dense(2)
    model = keras.Model(model.inputs, [model.outputs[0], twin(model.inputs[0])])
    columns = np.full((10_000, 2), 0.01) * [1.0, 5.0]
    model.set_weights([columns, np.array([3.0, 4.0])] * 2)
    return model


def test_noise_is_as_large_as_its_filter_and_independent():
    first, bias, second, _ = drawn_by(NoisyAscent(sigma=0.1).origin, wide())
    for kernel in (first, second):
        np.testing.assert_allclose(kernel.std(axis=0), (0.1, 0.5), rtol=0.05)
        np.testing.assert_allclose(kernel.mean(axis=0), 0, atol=0.02)
    assert abs(np.corrcoef(first[:, 0], second[:, 0])[0, 1]) < 0.05
    assert abs(np.corrcoef(first[:, 0], first[:, 1])[0, 1]) < 0.05
    assert 0 < np.abs(bias).max() < 0.1 * 5 * 5  # The whole vector is its filter.


def random_ascent(*arguments):
    """`RandomAscent` as a function of the oracle and the context alone."""
    ascent = RandomAscent(*arguments)
    return lambda oracle, context: ascent.perturbation(oracle, None, context)


def test_draws_have_their_shapes():
    everything = [
        np.concatenate([t.ravel() for t in drawn_by(random_ascent(name), wide())])
        for name in ("gaussian", "sphere", "cube")
    ]
    gaussian, sphere, cube = everything
    np.testing.assert_allclose(gaussian.std(), 0.5, rtol=0.02)
    np.testing.assert_allclose(np.linalg.norm(sphere), 0.5, rtol=1e-5)
    np.testing.assert_allclose(np.abs(cube).max(), 0.5, rtol=0.01)
    np.testing.assert_allclose(cube.std(), 0.5 / np.sqrt(3), rtol=0.02)
    assert np.abs(cube).max() <= 0.5
    (kernel, *_) = drawn_by(random_ascent("cube", 0.01), wide())
    np.testing.assert_allclose(np.abs(kernel).max(), 0.005, rtol=0.01)


def test_every_step_draws_anew():
    method = methods.Method(RandomAscent("sphere"), rho=0.5)
    sam = keras_sam.SAMModel(quadratic(), method=method)
    sam.compile(keras.optimizers.SGD(0.1), loss=mean_output)
    found, before = [], START
    for _ in range(3):
        sam.train_on_batch(CURVATURE, np.zeros((4, 1)))
        after = ops.convert_to_numpy(sam.base_model.kernel.value)
        found.append((before - after) / 0.1 / A - before)
        before = after
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 0.5, atol=1e-5)
    assert np.abs(np.diff(found, axis=0)).max(axis=1).min() > 1e-3
