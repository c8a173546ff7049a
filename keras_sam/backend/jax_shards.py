"""Devices of JAX that each make a step of their own for their part of a batch, as with `pmap`.

A batch that is cut into as many micro-batches as there are devices is one perturbation a device
(m-sharpness). Of global arrays XLA would spread each micro-batch over all devices again, and send
activations' sums and gradients for each of them. Here a device looks at what it has, and all it
sends are the step's gradients, state and statistics.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import keras
from jax.sharding import PartitionSpec

from keras_sam.backend.types import Tensor

_axes: list[str] = []  # Along which the devices lie that make the step now; empty or one.


def num_processes() -> int:
    """See `keras_sam.backend.one_process.num_processes`; the devices, where each is on its own."""
    return jax.lax.axis_size(_axes[0]) if _axes else 1


def own_parts(parts: int) -> int:
    """How many of a batch's micro-batches are made here, one after the other.

    Args:
        parts: Positive integer, those of the whole batch on all devices of JAX.
    """
    return parts // num_processes()


def across_replicas(tensors: list[Tensor], is_averaged: Sequence[bool]) -> list[Tensor]:
    """Tensors on which all replicas agree.

    Args:
        tensors: List of tensors.
        is_averaged: List of bools: whether each becomes the mean, or the first replica's value.
    """
    if not _axes:
        return tensors
    (axis,), is_first = _axes, jax.lax.axis_index(_axes[0]) == 0
    shares = [
        tensor / num_processes() if averaged else jax.numpy.where(is_first, tensor, 0)
        for tensor, averaged in zip(tensors, is_averaged, strict=True)
    ]
    sums = jax.lax.psum(shares, axis)
    return [total.astype(tensor.dtype) for total, tensor in zip(sums, tensors, strict=True)]


def on_own_parts(function: Callable[..., Any], model: Any) -> Callable[..., Any]:
    """A function of `(state, data)` for each device with its part of the data.

    The function is to return what is the same on all of them, which is what `across_replicas` is
    for. It stays as it is where the devices have no micro-batches of their own: without a
    `keras.distribution.DataParallel` whose devices divide them, or with scales of float8, of which
    there is no mean.

    Args:
        function: The function.
        model: The `SAMModel`.
    """
    distribution, parts = keras.distribution.distribution(), model.num_batch_splits or 1
    if not isinstance(distribution, keras.distribution.DataParallel):
        return function
    mesh, axis = distribution.device_mesh.backend_mesh, distribution.batch_dim_name
    has_scales = any(variable.overwrite_with_gradient for variable in model.trainable_variables)
    if mesh.shape[axis] == 1 or parts % mesh.shape[axis] or has_scales:
        return function

    def of_device(state, data):
        with _along(axis):
            return function(state, data)

    everywhere, shared = PartitionSpec(), PartitionSpec(axis)
    return jax.shard_map(
        of_device, mesh=mesh, in_specs=(everywhere, shared), out_specs=everywhere, check_vma=False
    )


@contextlib.contextmanager
def _along(axis: str) -> Iterator[None]:
    _axes.append(axis)
    try:
        yield
    finally:
        _axes.pop()
