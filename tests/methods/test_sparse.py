"""SSAM: which entries are perturbed, and how the mask goes on."""

import math

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
from tests.toys import CURVATURE, quadratic

TEN = ((2, 3), (4,))
ROWS = curved(24, size=10)
MASK = np.array([1, 1, 1, 1, 0, 0, 1, 0, 0, 0])
METHODS = [methods.SSAMF, methods.SSAMD]


def shaped(mask):
    """A mask for `Slopes(TEN)`."""
    return [mask[:6].reshape(2, 3), mask[6:]]


def mask_of(sam):
    return flat(sam.memory.state["mask"])


# A mask given by hand, and the gradient that the optimizer must get on the quadratic, rho = 0.5.
FIXTURE = [((1, 0), (3.3, 4.0)), ((0, 1), (3.0, 4.8)), ((1, 1), (3.3, 4.8)), ((0, 0), (3.0, 4.0))]


@pytest.mark.parametrize("factory", METHODS)
@pytest.mark.parametrize(("mask", "expected"), FIXTURE)
def test_gradient_of_one_step(factory, mask, expected):
    weights, sam = trained(
        factory(0.5), CURVATURE, quadratic(), state={"mask": [mask]}, log_sharpness=True
    )
    np.testing.assert_allclose((np.array([3.0, 2.0]) - weights) / 0.1, expected, atol=1e-5)
    norm = next(metric for metric in sam.metrics if metric.name == "perturbation_norm")
    shorter = np.linalg.norm(np.multiply(mask, (0.3, 0.4)))
    np.testing.assert_allclose(float(norm.result()), shorter, atol=1e-6)


def fisher(w, mask, batch, samples):
    scores = sum(gradient(w, example[None]) ** 2 for example in batch[:samples])
    return np.isin(np.arange(10), np.argsort(-scores)[: np.sum(mask)])


def dynamic(w, mask, batch, growth):
    """Drops two of the five that are on, those of the smallest gradient."""
    magnitudes = np.abs(gradient(w, batch))
    on, off = np.flatnonzero(mask), np.flatnonzero(mask == 0)
    stays = on[np.argsort(-magnitudes[on])][:3]
    scores = magnitudes if growth == "gradient" else np.abs(w)
    return np.isin(np.arange(10), [*stays, *off[np.argsort(-scores[off])][:2]])


CASES = {
    "fisher": (methods.SSAMF, {}, fisher, 16),
    "fisher of two": (methods.SSAMF, {"fisher_samples": 2}, fisher, 2),
    "gradient": (methods.SSAMD, {"drop_rate": 0.4, "growth": "gradient"}, dynamic, "gradient"),
    "weight": (methods.SSAMD, {"drop_rate": 0.4, "growth": "weight"}, dynamic, "weight"),
}


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("case", CASES)
def test_new_mask_acts_from_the_next_step_on(case, every):
    factory, options, renewed, option = CASES[case]
    method = factory(0.5, update_every=every, **options)
    w, mask = start(TEN), MASK
    for index, batch in enumerate(batches(ROWS)):
        after = w - RATE * gradient(w + mask * ball(gradient(w, batch)), batch)
        mask = renewed(w, mask, batch, option) if index % every == 0 else mask
        w = after
    weights, sam = trained(method, ROWS, Slopes(TEN), state={"mask": shaped(MASK)})
    np.testing.assert_array_equal(mask_of(sam), mask)
    np.testing.assert_allclose(weights, w, atol=1e-5)


@pytest.mark.parametrize(("samples", "expected"), [(4, (1, 0, 0)), (2, (0, 0, 1))])
def test_fisher_information_is_of_single_examples(samples, expected):
    """The large gradients cancel in the mean; the first two examples have none of them."""
    rows = linear([(0.0, 1.0, 2.0), (0.0, 1.0, 2.0), (9.0, 1.0, 2.0), (-9.0, 1.0, 2.0)])
    _, sam = trained(methods.SSAMF(0.5, sparsity=0.7, fisher_samples=samples), rows)
    np.testing.assert_array_equal(mask_of(sam), expected)


def test_fisher_starts_with_an_empty_mask():
    weights, sam = trained(methods.SSAMF(0.5), ROWS[:4], Slopes(TEN))
    np.testing.assert_allclose(weights, trained(None, ROWS[:4], Slopes(TEN))[0], atol=1e-6)
    assert mask_of(sam).sum() == 5


def test_without_sparsity_fisher_is_sam_from_the_second_step_on():
    """And dynamic from the first."""
    sam = prepared(methods.SSAMF(0.5, sparsity=0.0), Slopes(TEN))
    on_batch(sam, ROWS[:4])
    weights = on_batch(sam, ROWS[4:8])
    plain = prepared(None, Slopes(TEN))
    on_batch(plain, ROWS[:4])
    expected, _ = trained(methods.SAM(0.5), ROWS[4:8], plain)
    np.testing.assert_allclose(weights, expected, atol=1e-6)
    weights, _ = trained(methods.SSAMD(0.5, sparsity=0.0), ROWS, Slopes(TEN))
    expected, _ = trained(methods.SAM(0.5), ROWS, Slopes(TEN))
    np.testing.assert_allclose(weights, expected, atol=1e-6)


@pytest.mark.parametrize("factory", METHODS)
@pytest.mark.parametrize(
    ("shapes", "sparsity", "count"),
    [(((7,),), 0.3, 5), (((9, 20),), 0.8, 36), (((3, 5), (2,)), 0.9, 2), (((90,), (10,)), 0.1, 90)],
)
def test_count_of_the_mask_after_every_update(factory, shapes, sparsity, count):
    """In floating point 180 x (1 - 0.8) is less than 36."""
    sam = prepared(factory(0.5, sparsity=sparsity, update_every=1), Slopes(shapes))
    seen = {tuple(mask_of(sam))}
    for seed in range(5):
        on_batch(sam, curved(4, len(flat(sam.trainable_variables)), seed))
        mask = mask_of(sam)
        assert set(mask) <= {0.0, 1.0}
        assert mask.sum() == count
        seen.add(tuple(mask))
    assert len(seen) > 1


def test_random_growth_keeps_the_largest_and_draws_the_others():
    drawn = set()
    sam = prepared(methods.SSAMD(0.5, drop_rate=0.4, update_every=1), Slopes(TEN))
    slopes = np.array([5, 1, 4, 2, 9, 9, 3, 9, 9, 9.0])
    for _ in range(5):
        for variable, part in zip(sam.memory.state["mask"], shaped(MASK)):
            variable.assign(part.astype("float32"))
        on_batch(sam, linear(np.tile(slopes, (4, 1))))
        on = np.flatnonzero(mask_of(sam))
        assert set(on) >= {0, 2, 6} and len(on) == 5 and not set(on) & {1, 3}
        drawn.add(tuple(on))
    assert len(drawn) > 1


def test_drop_rate_falls_along_a_cosine():
    """Of a hundred entries in the mask so many change; after the last step none."""
    method = methods.SSAMD(0.5, update_every=1, growth="gradient", total_steps=4)
    sam = prepared(method, Slopes(((200,),)))
    changed = []
    for seed in range(7):
        before = mask_of(sam)
        on_batch(sam, curved(4, 200, seed))
        changed.append(np.sum(before > mask_of(sam)))
    rates = [25 * (1 + math.cos(math.pi * min(step / 4, 1))) for step in range(7)]
    np.testing.assert_allclose(changed, rates, atol=0.51)


@pytest.mark.parametrize("factory", METHODS)
def test_mask_is_a_share_of_the_perturbed_weights(factory):
    method = factory(0.5, update_every=1, mask=lambda v: v.name == "kernel_0")
    _, sam = trained(method, ROWS, Slopes(TEN))
    np.testing.assert_array_equal([np.sum(m) for m in np.split(mask_of(sam), [6])], [3, 0])
