"""LE-SAM and ZSharp: how long a perturbation is."""

import json
import math

import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_sam
from keras_sam import ascent, methods, schedules
from tests.methods.slopes import RATE, Slopes, batches, curved, gradient, start, trained
from tests.toys import CURVATURE, one_step, quadratic

pytestmark = pytest.mark.once

F1 = np.array([3.0, 2.0])
A = np.array([1.0, 2.0])
ROWS = curved()

LE_SAM = [
    ({"sigma": 2.0, "rho_max": 999.0}, (3.24, 4.64)),
    ({"sigma": 5.0, "rho_max": 0.5}, (3.3, 4.8)),
    ({"sigma": 0.35, "rho_max": 0.3}, (3.042, 4.112)),
    ({"sigma": 0.5, "rho": 0.5}, (3.06, 4.16)),
    ({"sigma": 1.0, "rho": 0.5}, (3.12, 4.32)),
    ({"sigma": 0.0, "rho": 0.5}, (3.0, 4.0)),
    ({"sigma": 2.0, "rho": 0.0}, (3.0, 4.0)),
    ({"sigma": 2.0, "rho_max": 999.0, "adaptive": True}, (3.372414, 4.441380)),
]


@pytest.mark.parametrize(("options", "expected"), LE_SAM)
def test_gradient_of_one_step_of_le_sam(options, expected):
    weights, _ = one_step(methods.LESAM(**options))
    np.testing.assert_allclose((F1 - weights) / 0.1, expected, atol=1e-5)


@pytest.mark.parametrize("adaptive", [False, True])
@pytest.mark.parametrize("p", [1, 1.5, 2, 3, math.inf])
def test_the_linearised_loss_rises_by_sigma_for_every_ball(p, adaptive):
    """The quadratic's gradient is (3, 4)."""
    method = methods.LESAM(1e6, sigma=0.7, p=p, adaptive=adaptive)
    weights, _ = one_step(method)
    perturbation = (F1 - weights) / 0.1 / A - F1
    np.testing.assert_allclose(perturbation @ (3.0, 4.0), 0.7, rtol=1e-4)
    if not adaptive:
        short = methods.LESAM(0.01, sigma=0.7, p=p)
        np.testing.assert_allclose(
            one_step(short)[0], one_step(methods.SAM(0.01, p=p))[0], rtol=1e-6
        )


def le_sam(rows, sigma, cap):
    w = start()
    for batch in batches(rows):
        g = gradient(w, batch)
        length = np.linalg.norm(g)
        w = w - RATE * gradient(w + min(sigma / length, cap) * g / length, batch)
    return w


@pytest.mark.parametrize(("sigma", "cap"), [(0.3, 1e6), (0.3, 0.15), (5.0, 0.2)])
def test_le_sam_over_several_steps(sigma, cap):
    weights, _ = trained(methods.LESAM(cap, sigma), ROWS)
    np.testing.assert_allclose(weights, le_sam(ROWS, sigma, cap), atol=1e-5)


def test_le_sam_does_not_care_about_the_scale_of_loss_and_sigma():
    perturbed = [
        ((F1 - one_step(methods.LESAM(9.0, c * 0.7), c * CURVATURE)[0]) / 0.1 / c)
        for c in (1.0, 3.0)
    ]
    np.testing.assert_allclose(*perturbed, rtol=1e-5)


def test_le_sam_stays_where_the_gradient_is_zero():
    model = quadratic()
    model.kernel.assign([0.0, 0.0])
    weights, _ = one_step(methods.LESAM(1e6), model=model)
    np.testing.assert_array_equal(weights, 0)


def test_le_sam_refuses_two_largest_radii():
    with pytest.raises(ValueError, match=r"give one of them\. Received: rho=0.1, rho_max=0.2"):
        methods.LESAM(0.1, rho_max=0.2)
    with pytest.raises(ValueError, match=r"sigma must be a finite number.*Received: sigma=-1"):
        methods.LESAM(sigma=-1)


def budget(**options):
    return schedules.WarmUpHoldDecay(0.35, 10, warm_up=3, decay_start=5, **options)


BY_STEP = [0, 0.175, 0.35, 0.35, 0.35, 0.35, 0.298744, 0.175, 0.051256, 0]


def values_of(schedule, steps=10):
    return [float(schedule(ops.convert_to_tensor(step))) for step in range(steps)]


def test_schedule_of_the_budget():
    np.testing.assert_allclose(values_of(budget()), BY_STEP, atol=1e-6)
    np.testing.assert_allclose(values_of(budget(), 12)[10:], 0, atol=1e-7)
    np.testing.assert_allclose(values_of(budget(every=3), 30), np.repeat(BY_STEP, 3), atol=1e-6)
    line = [0.35, 0.2625, 0.175, 0.0875, 0.0]
    np.testing.assert_allclose(values_of(budget(shape="linear"))[5:], line, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [0.4, 0.3, 0.2, 0.1, 0.0]),
        ({"warm_up": 1}, [0.4, 0.4, 0.8 / 3, 0.4 / 3, 0.0]),
        ({"warm_up": 2, "start": 0.2, "end": 0.1}, [0.2, 0.4, 0.4, 0.25, 0.1]),
        ({"warm_up": 4, "start": 0.1}, [0.1, 0.2, 0.3, 0.4, 0.0]),
        ({"decay_start": 9, "end": 0.1}, [0.4, 0.4, 0.4, 0.4, 0.4]),
    ],
)
def test_ends_of_the_schedule(options, expected):
    schedule = schedules.WarmUpHoldDecay(0.4, 5, shape="linear", **options)
    np.testing.assert_allclose(values_of(schedule, 5), expected, atol=1e-6)


def test_sigma_follows_its_schedule_and_is_saved():
    method = methods.LESAM(9.0, sigma=budget())
    method = methods.deserialize(json.loads(json.dumps(methods.serialize(method))))
    expected = F1
    for sigma in BY_STEP[:4]:
        g = A * expected
        expected = expected - 0.1 * A * (expected + sigma * g / (g @ g))
    weights, _ = one_step(method, steps=4)
    np.testing.assert_allclose(weights, expected, atol=1e-5)


def z_score(g, percentile, rho=0.5):
    """As the author's code; `g` is a list of arrays."""
    length, found = math.sqrt(sum((part**2).sum() for part in g)), []
    for part in g:
        kept = np.zeros_like(part)
        if part.ndim > 1:
            z = np.abs((part - part.mean()) / (part.std(ddof=1) + 1e-12))
            kept = part * (z > np.quantile(z, percentile))
        size = np.linalg.norm(kept)
        found.append(rho * (kept / size if size > 0 else part / length))
    return found


def direction(g, percentile, rho=0.5):
    found = ascent.ZScoreAscent(percentile).direction(
        [ops.convert_to_tensor(part, "float32") for part in g], [], ops.convert_to_tensor(rho), []
    )
    return [ops.convert_to_numpy(part) for part in found]


KERNEL = np.array([[1.0, -2.0], [3.0, 6.0]])


@pytest.mark.parametrize(
    ("percentile", "expected"),
    [
        (0.5, [[0, -0.158114], [0, 0.474342]]),
        (0.95, 0.5 * KERNEL / np.sqrt(50)),
    ],
)
def test_perturbation_of_one_kernel(percentile, expected):
    """At 0.95 two entries share the largest score: none exceeds it."""
    (found,) = direction([KERNEL], percentile)
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "percentile", "kept"),
    [((8, 12), 0.95, 5), ((8, 8), 0.95, 4), ((2, 5), 0.95, 1), ((8, 12), 0.0, 95)],
)
def test_how_many_entries_are_perturbed(shape, percentile, kept):
    g = [np.random.default_rng(0).normal(1.0, size=shape), np.ones(3)]
    found, bias = direction(g, percentile)
    assert np.count_nonzero(found) == kept
    np.testing.assert_allclose(np.linalg.norm(found), 0.5, rtol=1e-5)
    for mine, theirs in zip((found, bias), z_score(g, percentile), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)


@pytest.mark.parametrize("g", [np.zeros((3, 4)), np.ones((3, 4)), np.ones((1, 1)), [[3.0, 4.0]]])
def test_a_kernel_without_outliers_has_its_share_of_sam(g):
    g = np.asarray(g, "float64")
    (found,) = direction([g], 0.5)
    np.testing.assert_allclose(found, 0.5 * g / (np.linalg.norm(g) or 1), atol=1e-6)


def test_zsharp_of_vectors_is_sam():
    weights, _ = one_step(methods.ZSharp(0.5))
    np.testing.assert_allclose((F1 - weights) / 0.1, (3.3, 4.8), atol=1e-5)


SHAPES = ((4, 5), (3,), (2, 3, 2))


@pytest.mark.parametrize("percentile", [0.95, 0.5, 0.1])
def test_zsharp_over_several_steps(percentile):
    rows = curved(size=35)
    ends = np.cumsum([math.prod(shape) for shape in SHAPES])[:-1]
    w = start(SHAPES)
    for batch in batches(rows):
        parts = np.split(gradient(w, batch), ends)
        shaped = [part.reshape(shape) for part, shape in zip(parts, SHAPES, strict=True)]
        perturbation = np.concatenate([e.ravel() for e in z_score(shaped, percentile)])
        w = w - RATE * gradient(w + perturbation, batch)
    weights, _ = trained(methods.ZSharp(0.5, percentile), rows, Slopes(SHAPES))
    np.testing.assert_allclose(weights, w, atol=1e-5)


def test_every_kernel_is_perturbed_by_rho():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(6, "tanh"), layers.Dense(3)])
    sam = keras_sam.SAMModel(model, method=methods.ZSharp(0.5, mask="kernels"), log_sharpness=True)
    sam.compile("sgd", "mse")
    x = np.random.default_rng(0).normal(size=(8, 4))
    logs = sam.train_on_batch(x, x[:, :3], return_dict=True)
    np.testing.assert_allclose(float(logs["perturbation_norm"]), 0.5 * math.sqrt(2), rtol=1e-5)


@pytest.mark.parametrize("percentile", [-0.1, 1.0, 95, "0.9"])
def test_zsharp_refuses_a_percentile_that_is_no_share(percentile):
    with pytest.raises(ValueError, match=r"percentile must be a number.*Received: percentile="):
        methods.ZSharp(percentile=percentile)
