"""What is measured and drawn filter by filter."""

from collections.abc import Sequence

import keras
from keras import ops

from keras_sam import tensors
from keras_sam.roles import Role
from keras_sam.tensors import Tensor, Vector


def filter_sums(tensor: Tensor, role: Role) -> Tensor:
    """For each entry the sum over its filter; over the whole tensor where it has none.

    Args:
        tensor: Tensor.
        role: The `keras_sam.roles.Role` of its variable.

    Returns:
        Tensor shaped as `tensor`.
    """
    within = [axis for axis in range(len(tensor.shape)) if axis not in role.filter_axes]
    return ops.broadcast_to(ops.sum(tensor, axis=within, keepdims=True), tensor.shape)


def filter_norms(weight: Tensor, role: Role) -> Tensor:
    """For each entry the Euclidean norm of its filter; of the whole tensor where it has none.

    Args:
        weight: Tensor.
        role: The `keras_sam.roles.Role` of its variable.

    Returns:
        Tensor shaped as `weight`.
    """
    return tensors.root(filter_sums(ops.square(weight), role))


def filter_noise(
    weights: Vector, roles: Sequence[Role], seed: keras.random.SeedGenerator
) -> Vector:
    """Independent standard normal numbers, each times the norm of its filter.

    Args:
        weights: List of tensors.
        roles: The `keras_sam.roles.Role` of each.
        seed: `keras.random.SeedGenerator`.

    Returns:
        List of tensors shaped as the weights.
    """
    weights = [tensors.at_least_float32(weight) for weight in weights]
    norms = [filter_norms(*pair) for pair in zip(weights, roles, strict=True)]
    return [a * b for a, b in zip(tensors.normal_like(weights, seed), norms, strict=True)]
