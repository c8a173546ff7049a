"""Arithmetic of vectors on PyTorch: one kernel for the tensors of all variables."""

import torch

from keras_sam.backend import vectors
from keras_sam.backend.types import Tensor, Vector


def added(left: Vector, right: Vector) -> Vector:
    """See `keras_sam.backend.vectors.added`."""
    if _is_plain(left, right):
        return list(torch._foreach_add(left, right))
    return vectors.added(left, right)


def multiplied(left: Vector, right: Vector) -> Vector:
    """See `keras_sam.backend.vectors.multiplied`."""
    if _is_plain(left, right):
        return list(torch._foreach_mul(left, right))
    return vectors.multiplied(left, right)


def scaled(vector: Vector, factor: Tensor | float) -> Vector:
    """See `keras_sam.backend.vectors.scaled`."""
    if _is_plain(vector, [factor]):
        return list(torch._foreach_mul(vector, factor))
    return vectors.scaled(vector, factor)


def _is_plain(left, right):
    """Whether nobody differentiates: kernels for many tensors lose their way in a graph."""
    parts = [part for part in (*left, *right) if torch.is_tensor(part)]
    is_recorded = torch.is_grad_enabled() and any(part.requires_grad for part in parts)
    return bool(left) and not is_recorded


def sums(vector: Vector) -> Vector:
    """See `keras_sam.backend.vectors.sums`."""
    return [tensor.sum() for tensor in vector]
