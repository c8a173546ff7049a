"""Ranks of entries over all tensors of a vector together."""

import math

from keras import ops

from keras_sam import tensors
from keras_sam.tensors import Tensor, Vector


def flattened(vector: Vector) -> Tensor:
    """All entries of a list of tensors as one flat tensor, in float32 at least."""
    flat = [ops.reshape(tensors.at_least_float32(ops.convert_to_tensor(t)), (-1,)) for t in vector]
    return ops.concatenate(flat)


def shaped(flat: Tensor, vector: Vector) -> Vector:
    """The inverse of `flattened`: a flat tensor cut into the shapes of `vector`."""
    parts, start = [], 0
    for tensor in vector:
        shape = tuple(tensor.shape)
        stop = start + math.prod(shape)
        parts.append(ops.reshape(flat[start:stop], shape))
        start = stop
    return parts


def ranks(scores: Tensor) -> Tensor:
    """Rank of each score, 0 for the largest; ties have different ranks all the same."""
    return ops.argsort(ops.argsort(-scores))
