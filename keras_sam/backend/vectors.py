"""Arithmetic of vectors, tensor by tensor; `torch_vectors` has it in one call for all tensors."""

from keras import ops

from keras_sam.backend.types import Tensor, Vector


def added(left: Vector, right: Vector) -> Vector:
    """`left + right`, two lists of tensors that are alike in shapes and dtypes."""
    return [a + b for a, b in zip(left, right, strict=True)]


def multiplied(left: Vector, right: Vector) -> Vector:
    """Their products, entry by entry."""
    return [a * b for a, b in zip(left, right, strict=True)]


def scaled(vector: Vector, factor: Tensor | float) -> Vector:
    """`factor * vector`, in the dtypes of `vector`."""
    return [tensor * ops.cast(factor, tensor.dtype) for tensor in vector]


def sums(vector: Vector) -> Vector:
    """The sum of each tensor's entries: list of scalars."""
    return [ops.sum(tensor) for tensor in vector]
