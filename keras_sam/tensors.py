"""Algebra of vectors that are stored as lists of tensors, one tensor a variable."""

import keras
from keras import ops

from keras_sam import backend

HALF_PRECISION = ("float16", "bfloat16")


def at_least_float32(tensor):
    """`tensor`, in float32 where squares of its entries would overflow or vanish."""
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    return ops.cast(tensor, "float32") if dtype in HALF_PRECISION else tensor


def total(scalars):
    """Sum of a list of scalars; the empty sum is 0."""
    scalars = list(scalars)
    return ops.sum(backend.computed_once(ops.stack(scalars))) if scalars else ops.zeros(())


def inner(left, right):
    """Inner product of two vectors, in float32 at least."""
    return total(
        ops.sum(at_least_float32(a) * at_least_float32(b)) for a, b in zip(left, right, strict=True)
    )


def norm(vector):
    """Euclidean norm over all tensors of `vector` together, in float32 at least."""
    return root(inner(vector, vector))


def root(square):
    """Square root of a number of at least 0, with a finite derivative at 0."""
    is_zero = ops.equal(square, 0)
    positive = ops.where(is_zero, ops.ones_like(square), square)
    return ops.where(is_zero, ops.zeros_like(square), ops.sqrt(positive))


def largest(vector):
    """Largest absolute entry over all tensors of `vector`."""
    return ops.max(ops.stack([ops.max(ops.abs(at_least_float32(t))) for t in vector]))


def scale(vector, factor):
    """`factor * vector`."""
    return [tensor * ops.cast(factor, tensor.dtype) for tensor in vector]


def add(left, right, factor=None):
    """`left + factor * right`; a `None` in `right` stands for zeros."""
    if factor is not None:
        right = [None if b is None else b * ops.cast(factor, b.dtype) for b in right]
    return [a if b is None else a + ops.cast(b, a.dtype) for a, b in zip(left, right, strict=True)]


def guarded_ratio(numerator, denominator):
    """`numerator / denominator`, and 0 where the denominator is 0.

    A NaN or an infinity passes through, so that it is seen and not masked.
    """
    is_zero = ops.equal(denominator, 0)
    safe = ops.where(is_zero, ops.ones_like(denominator), denominator)
    ratio = ops.cast(numerator, safe.dtype) / safe
    return ops.where(is_zero, ops.zeros_like(ratio), ratio)


def is_finite(vector):
    """Whether every entry of `vector` is finite."""
    return ops.all(ops.stack([ops.all(ops.isfinite(tensor)) for tensor in vector]))
