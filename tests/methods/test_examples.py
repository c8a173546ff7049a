"""Methods that listen to some tensors or examples more than to others: esam and delta_sam."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from keras_sam import methods
from keras_sam.ascent import ReweightedAscent
from tests.methods.slopes import (
    RATE,
    Slopes,
    ball,
    batches,
    curved,
    flat,
    gradient,
    linear,
    loss_of_each,
    on_batch,
    prepared,
    start,
    trained,
)
from tests.toys import CURVATURE, quadratic

ROWS = curved()
NEUTRAL = methods.ESAM(0.5, beta=1.0, gamma=1.0)


def test_esam_of_the_quadratic():
    weights, _ = trained(NEUTRAL, CURVATURE, quadratic())
    np.testing.assert_allclose(weights, (2.67, 1.52), atol=1e-6)


def test_esam_of_all_tensors_and_examples_is_sam():
    weights, _ = trained(NEUTRAL, ROWS)
    np.testing.assert_allclose(weights, trained(methods.SAM(0.5), ROWS)[0], atol=1e-6)


def selected(w, batch, count):
    """The gradient of the examples whose loss rises most."""
    there = w + ball(gradient(w, batch))
    rise = loss_of_each(there, batch) - loss_of_each(w, batch)
    return gradient(there, batch[np.argsort(-rise)[:count]])


@pytest.mark.parametrize("rows", [ROWS, linear(ROWS[:, 3:])], ids=["curved", "linear"])
@pytest.mark.parametrize(("gamma", "count"), [(0.5, 4), (0.1, 1), (0.25, 2), (0.9, 7)])
def test_esam_descends_with_the_examples_that_rise_most(rows, gamma, count):
    w = start()
    for batch in batches(rows, 8):
        w = w - RATE * selected(w, batch, count)
    weights, _ = trained(methods.ESAM(0.5, beta=1.0, gamma=gamma), rows, batch_size=8)
    np.testing.assert_allclose(weights, w, atol=1e-5)


def test_esam_counts_examples_without_rounding_errors():
    """In floating point 100 x 0.07 is more than 7. Of the last seven one is left."""
    rows, w = curved(107), start()
    for batch, count in zip(batches(rows, 100), (7, 1), strict=True):
        w = w - RATE * selected(w, batch, count)
    weights, _ = trained(methods.ESAM(0.5, 1.0, gamma=0.07), rows, batch_size=100)
    np.testing.assert_allclose(weights, w, atol=1e-5)


def test_esam_perturbs_whole_tensors_and_divides_by_beta():
    """The norm is that of the chosen ones; the descent and the update are for all."""
    shapes, parts = ((2, 2), (3,), (1,)), np.repeat([0, 1, 2], [4, 3, 1])
    batch, model = curved(4, size=8), Slopes(((2, 2), (3,), (1,)))
    saved, w = model.get_weights(), start(shapes)
    outcomes = {}
    for chosen in itertools.product([0, 1], repeat=3):
        eps = ball(gradient(w, batch) * np.array(chosen)[parts]) / 0.5
        outcomes[chosen] = w - RATE * gradient(w + eps, batch)
    sam, seen = prepared(methods.ESAM(0.5, beta=0.5, gamma=1.0), model), []
    for _ in range(20):
        model.set_weights(saved)
        weights = on_batch(sam, batch)
        fitting = [key for key, out in outcomes.items() if np.allclose(weights, out, atol=1e-5)]
        assert len(fitting) == 1
        seen += fitting
    assert len(set(seen)) > 3
    assert 0 < np.mean([key[0] for key in seen]) < 1


def probed(w, batch, noise, weights):
    """Shares of the examples, from how much their losses change with the noise."""
    up, here = loss_of_each(w + noise, batch), loss_of_each(w, batch)
    down = loss_of_each(w - noise, batch)
    change = np.abs(up + down - 2 * here if weights == "curvature" else up - here)
    return change / change.sum()


@pytest.mark.parametrize("weights", ["curvature", "slope"])
def test_delta_sam_weighs_the_examples_of_the_ascent_alone(weights):
    sam = prepared(methods.DeltaSAM(0.5, weights, noise=0.5))
    w = start()
    for batch in batches(ROWS):
        seed = keras.random.SeedGenerator()
        seed.state.assign(sam.memory.seed.state)
        draws = [keras.random.normal(v.shape, seed=seed) for v in sam.trainable_variables]
        noise = 0.5 * np.concatenate([ops.convert_to_numpy(draw) for draw in draws])
        shares = probed(w, batch, noise, weights)
        ascent = sum(share * gradient(w, example[None]) for share, example in zip(shares, batch))
        w = w - RATE * gradient(w + ball(ascent), batch)
        np.testing.assert_allclose(on_batch(sam, batch), w, atol=1e-5)


ALIKE = np.tile(ROWS[:1], (4, 1))


@pytest.mark.parametrize(
    ("rows", "size"), [(ALIKE, 4), (ROWS[:3], 1), (np.tile(ROWS[:1], (3, 1)), 2)]
)
@pytest.mark.parametrize("weights", ["curvature", "slope"])
def test_delta_sam_of_equal_weights_is_sam(weights, rows, size):
    """Of examples that react alike, and of batches of one, among them the last of an epoch."""
    delta, _ = trained(methods.DeltaSAM(0.5, weights, noise=0.5), rows, batch_size=size)
    sam, _ = trained(methods.SAM(0.5), rows, batch_size=size)
    np.testing.assert_allclose(delta, sam, atol=2e-6)


def test_delta_sam_climbs_along_the_one_example_that_reacts():
    """The others are linear, with large gradients that a plain mean would follow."""
    rows = np.concatenate([ROWS[:1], linear(5 * ROWS[1:4, 3:])])
    weights, _ = trained(methods.DeltaSAM(0.5, noise=1.0), rows)
    eps = ball(gradient(start(), rows[:1]))
    np.testing.assert_allclose(weights, start() - RATE * gradient(start() + eps, rows), atol=1e-5)


@pytest.mark.parametrize("weights", ["curvature", "slope"])
def test_delta_sam_of_losses_that_do_not_react_stays(weights):
    found, _ = trained(methods.DeltaSAM(0.5, weights), np.zeros((4, 6), "float32"))
    np.testing.assert_allclose(found, start(), atol=1e-6)


@pytest.mark.parametrize(
    ("weights", "losses", "probes", "expected"),
    [
        ("curvature", (1, 1, 1), [(2, 1, 0), (1, 1, 4)], (1, 0, 2)),
        ("slope", (1, 1, 1, 1), [(2, 0, 1, 3)], (1, 1, 0, 2)),
        ("curvature", (1, 2), [(3, 2), (-1, 2)], (1, 1)),
        ("slope", (4, 5, 6), [(4, 5, 6)], (1, 1, 1)),
    ],
)
def test_delta_sam_weights_have_mean_1(weights, losses, probes, expected):
    """Uniform where nothing changes."""
    ascent = ReweightedAscent(weights=weights)
    probes = [ops.convert_to_tensor(probe, "float32") for probe in probes]
    found = ascent.weigh(ops.convert_to_tensor(losses, "float32"), probes)
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, atol=1e-6)


def test_delta_sam_draws_anew():
    sam = prepared(methods.DeltaSAM(0.5))
    before = flat([sam.memory.seed.state])
    on_batch(sam, ROWS[:4])
    assert np.any(before != flat([sam.memory.seed.state]))
