"""The norm runs over all tensors together, and the parts of a batch are the batch."""

import math

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from keras import ops

from keras_sam import datasets
from keras_sam.ascent import DualNormAscent
from keras_sam.datasets.selection import balanced
from keras_sam.training.batches import batch_size, share_of, split

from .fuzzing import fuzzed

pytestmark = pytest.mark.once
NUMBERS = st.floats(-100, 100, width=32).map(lambda x: 0.0 if abs(x) < 1e-3 else x)
GRADIENTS = arrays.arrays("float32", st.integers(1, 30), elements=NUMBERS)
ORDERS = st.one_of(st.sampled_from([1, 2, math.inf]), st.floats(1.01, 20))


def p_norm(vector, p):
    vector = np.abs(vector.astype("float64"))
    largest = vector.max()
    return largest * np.linalg.norm(vector / (largest or 1), p)


def direction(pieces, p, rho):
    tensors = [ops.convert_to_tensor(piece) for piece in pieces]
    found = DualNormAscent(p).direction(tensors, tensors, ops.convert_to_tensor(rho), [])
    return np.concatenate([ops.convert_to_numpy(piece) for piece in found])


@fuzzed(gradient=GRADIENTS, p=ORDERS, rho=st.floats(1e-3, 10), cuts=st.lists(st.integers(1, 29)))
def test_a_norm_is_that_of_all_tensors_however_the_weights_are_cut(gradient, p, rho, cuts):
    pieces = [piece for piece in np.split(gradient, sorted({*cuts})) if len(piece)]
    found = direction(pieces, p, rho)
    np.testing.assert_allclose(found, direction([gradient], p, rho), rtol=1e-4, atol=1e-6 * rho)
    expected = rho if gradient.any() else 0
    np.testing.assert_allclose(p_norm(found, p), expected, rtol=1e-3)
    # No other step of that length climbs further.
    dual = math.inf if p == 1 else 1 if math.isinf(p) else p / (p - 1)
    climbed = found.astype("float64") @ gradient
    np.testing.assert_allclose(climbed, rho * p_norm(gradient, dual), rtol=1e-3, atol=1e-6)


@fuzzed(vector=GRADIENTS, p=ORDERS, rho=st.floats(1e-3, 1e3))
def test_a_projection_lies_in_the_ball_and_leaves_what_is_inside(vector, p, rho):
    (tensor,) = DualNormAscent(p).project(
        [ops.convert_to_tensor(vector)], [], ops.convert_to_tensor(rho, "float32"), []
    )
    found = ops.convert_to_numpy(tensor)
    assert p_norm(found, p) <= rho * (1 + 1e-4)
    if p_norm(vector, p) < rho * (1 - 1e-4):
        np.testing.assert_array_equal(found, vector)


@fuzzed(size=st.integers(1, 40), parts=st.integers(1, 50), weighted=st.booleans())
def test_micro_batches_are_the_batch(size, parts, weighted):
    x = {"a": np.arange(size), "b": np.arange(size)[:, None] * np.ones(3)}
    batch = (x, np.arange(size), np.ones(size) if weighted else None)
    cut = split(batch, parts)
    sizes = [size for _, size in cut]
    assert sum(sizes) == size and max(sizes) - min(sizes) <= 1 and min(sizes) >= 1
    assert [batch_size(part) for part, _ in cut] == sizes and len(cut) == min(parts, size)
    np.testing.assert_array_equal(np.concatenate([part[0]["b"] for part, _ in cut]), x["b"])
    assert all((part[2] is not None) == weighted for part, _ in cut)


@fuzzed(size=st.integers(1, 2**20), share=st.floats(0, 1, exclude_min=True))
def test_a_share_of_a_batch_has_an_example_and_no_more_than_all(size, share):
    assert 1 <= share_of(size, share) <= size


@fuzzed(labels=st.lists(st.integers(0, 5), min_size=1), number=st.integers(1, 60))
def test_a_balanced_choice_is_of_all_classes_alike(labels, number):
    number = min(number, len(labels))
    chosen = balanced(labels, number)
    assert len({*chosen.tolist()}) == number and (np.sort(chosen) == chosen).all()
    counts, there = (np.bincount(part, minlength=6) for part in (np.array(labels)[chosen], labels))
    # A class has as many as any other, or one less, or all that it has.
    assert np.all((counts >= counts.max() - 1) | (counts == there))


@fuzzed(
    count=st.integers(1, 40),
    size=st.integers(1, 50),
    seed=st.integers(0, 2**64),
    epoch=st.integers(0, 9),
)
def test_an_epoch_has_no_example_twice(count, size, seed, epoch):
    batches = datasets.Batches(np.arange(count), np.arange(count), size, seed, workers=0)
    found = [batches.batch(epoch, index) for index in range(batches.num_batches)]
    seen = np.concatenate([images for images, _ in found]).tolist()
    assert len(seen) == len({*seen}) > count - min(size, count)
    assert all((images == labels).all() for images, labels in found)
