"""Norms of the filters of a kernel."""

from keras import ops

from keras_sam import tensors
from keras_sam.roles import Role
from keras_sam.tensors import Tensor


def filter_norms(weight: Tensor, role: Role) -> Tensor:
    """For each entry the Euclidean norm of its filter; of the whole tensor where it has none.

    Args:
        weight: Tensor.
        role: The `keras_sam.roles.Role` of its variable.

    Returns:
        Tensor shaped as `weight`.
    """
    within = [axis for axis in range(len(weight.shape)) if axis not in role.filter_axes]
    squares = ops.sum(ops.square(weight), axis=within, keepdims=True)
    return ops.broadcast_to(tensors.root(squares), weight.shape)
