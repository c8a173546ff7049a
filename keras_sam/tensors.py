"""Algebra of vectors that are stored as lists of tensors, one tensor a variable."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
from keras import ops

from keras_sam import backend
from keras_sam.backend.types import (  # noqa: F401  (To be had here.)
    Batch,
    Nested,
    OwnLoss,
    Tensor,
    Vector,
)

HALF_PRECISION = ("float16", "bfloat16")
# How many times a square norm may exceed what is known of those before. Batches of one training
# differ by tens; a thousand is a gradient thirty times as long.
OTHER_SCALE = 1e3


def at_least_float32(tensor: Tensor) -> Tensor:
    """`tensor`, in float32 where squares of its entries would overflow or vanish."""
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    return ops.cast(tensor, "float32") if dtype in HALF_PRECISION else tensor


def float_type(dtype: Any) -> str:
    """The dtype to keep sums of a variable's gradients in: float32, or float64."""
    return "float64" if keras.backend.standardize_dtype(dtype) == "float64" else "float32"


def values(variables: Sequence[keras.Variable]) -> Vector:
    """Current values of a list of variables, without a graph that PyTorch would keep."""
    return [ops.stop_gradient(ops.convert_to_tensor(variable.value)) for variable in variables]


def assign(variables: Sequence[keras.Variable], tensors: Sequence[Tensor]) -> None:
    """Give each variable of a list its new value."""
    for variable, tensor in zip(variables, tensors, strict=True):
        variable.assign(tensor)


def assign_finite(variables: Sequence[keras.Variable], tensors: Sequence[Tensor]) -> None:
    """As `assign`, but for entries that are no number: they would never leave a running sum."""
    for variable, tensor in zip(variables, tensors, strict=True):
        variable.assign(ops.where(ops.isfinite(tensor), tensor, variable.value))


def total(scalars: Iterable[Tensor]) -> Tensor:
    """Sum of a list of scalars; the empty sum is 0."""
    scalars = list(scalars)
    return ops.sum(backend.computed_once(ops.stack(scalars))) if scalars else ops.zeros(())


def inner(left: Vector, right: Vector) -> Tensor:
    """Inner product of two vectors, in float32 at least."""
    left, right = ([at_least_float32(tensor) for tensor in part] for part in (left, right))
    return total(backend.sums(backend.multiplied(left, right)))


def norm(vector: Vector) -> Tensor:
    """Euclidean norm over all tensors of `vector` together, in float32 at least."""
    return root(inner(vector, vector))


def root(square: Tensor) -> Tensor:
    """Square root of a number of at least 0, with a finite derivative at 0."""
    is_zero = ops.equal(square, 0)
    positive = ops.where(is_zero, ops.ones_like(square), square)
    return ops.where(is_zero, ops.zeros_like(square), ops.sqrt(positive))


def largest(vector: Vector) -> Tensor:
    """Largest absolute entry over all tensors of `vector`."""
    return ops.max(ops.stack([ops.max(ops.abs(at_least_float32(t))) for t in vector]))


def scale(vector: Vector, factor: Tensor | float) -> Vector:
    """`factor * vector`."""
    return backend.scaled(vector, factor)


def add(
    left: Vector, right: Sequence[Tensor | None], factor: Tensor | float | None = None
) -> Vector:
    """`left + factor * right`; a `None` in `right` stands for zeros."""
    moved = [(a, b) for a, b in zip(left, right, strict=True) if b is not None]
    steps = [b for _, b in moved]
    if factor is not None:
        steps = scale(steps, factor)
    steps = [ops.cast(b, a.dtype) for (a, _), b in zip(moved, steps, strict=True)]
    sums = iter(backend.added([a for a, _ in moved], steps))
    return [a if b is None else next(sums) for a, b in zip(left, right, strict=True)]


def mix(left: Vector, right: Vector, share: Tensor | float) -> Vector:
    """`(1 - share) * left + share * right`, in float32 at least."""
    left = [at_least_float32(tensor) for tensor in left]
    return add(scale(left, 1 - share), right, share)


def rejection(vector: Vector, axis: Vector) -> Vector:
    """The part of `vector` that is orthogonal to `axis`, over all tensors together."""
    share = guarded_ratio(inner(vector, axis), inner(axis, axis))
    return add([at_least_float32(tensor) for tensor in vector], axis, -share)


def normal_like(vector: Vector, seed: keras.random.SeedGenerator) -> Vector:
    """Independent standard normal numbers, shaped as the tensors of `vector`.

    Args:
        vector: List of tensors.
        seed: `keras.random.SeedGenerator`.
    """
    return [
        keras.random.normal(tuple(tensor.shape), dtype=float_type(tensor.dtype), seed=seed)
        for tensor in vector
    ]


def guarded_ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """`numerator / denominator`, and 0 where the denominator is 0.

    A NaN or an infinity passes through, so that it is seen and not masked.
    """
    is_zero = ops.equal(denominator, 0)
    safe = ops.where(is_zero, ops.ones_like(denominator), denominator)
    ratio = ops.cast(numerator, safe.dtype) / safe
    return ops.where(is_zero, ops.zeros_like(ratio), ratio)


def only(vector: Vector, predicate: Tensor) -> Vector:
    """`vector` where the predicate holds, and zeros elsewhere, whatever `vector` is there."""
    return [ops.where(predicate, tensor, ops.zeros_like(tensor)) for tensor in vector]


def is_of_scale(square: Tensor, known: Tensor) -> Tensor:
    """Whether a gradient may enter what a method remembers of those before: no spike does.

    Args:
        square: Scalar tensor, the gradient's square norm.
        known: Scalar tensor, what is usual; 0 where nothing is known yet.
    """
    is_usual = ops.logical_or(ops.equal(known, 0), square <= OTHER_SCALE * known)
    return ops.logical_and(ops.isfinite(square), is_usual)


def tempered(vector: Vector, last: Vector) -> Vector:
    """`vector` as a method may remember it: no more than twice as long as `last` after a spike.

    A scale that lasts is so reached within some steps; what is not finite leaves `last`.
    """
    square, known = inner(vector, vector), inner(last, last)
    length = 2 * guarded_ratio(root(known), root(square))
    shortened = scale(vector, ops.where(is_of_scale(square, known), ops.ones_like(length), length))
    is_kept = ops.isfinite(square)
    return [
        ops.where(is_kept, new, ops.cast(old, new.dtype))
        for new, old in zip(shortened, last, strict=True)
    ]


def is_finite(vector: Vector) -> Tensor:
    """Whether every entry of `vector` is finite."""
    return ops.all(ops.stack([ops.all(ops.isfinite(tensor)) for tensor in vector]))
