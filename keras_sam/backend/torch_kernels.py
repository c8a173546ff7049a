"""PyTorch's fused kernels for the layers of Keras, as long as a pass through a network lasts.

Keras computes the normalization of a batch or of groups in single operations, and copies images
twice before each convolution: to channels first, and back in memory to channels last. Here
PyTorch's kernels do the first, and the second is left out. Layers give the numbers that they
give otherwise, but for rounding; so do derivatives of every order.
"""

import contextlib
import functools
from typing import Any

import keras
import torch
from keras import ops
from keras.src.backend.torch import nn  # noqa: TID251  (Where Keras moves images about.)
from torch.nn import functional

from keras_sam.backend.kernels import Kernels, move_statistics, normalizes_batch
from keras_sam.backend.types import Tensor

IMAGE_AXES = 4

KERNELS = Kernels()


def fused_kernels() -> contextlib.AbstractContextManager[Any]:
    """See `keras_sam.backend.jax.fused_kernels`. The compiler fuses by itself."""
    return contextlib.nullcontext() if torch.compiler.is_compiling() else KERNELS.used()


class _BatchNormalization(torch.autograd.Function):
    """`(normalized, mean, variance)` of a batch, over all axes but 1; the variance is biased.

    The statistics have a gradient as well: PyTorch's own function has none for them.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(inputs, gamma, beta, epsilon):
        outputs, mean, inverse_deviation = torch.native_batch_norm(
            inputs, gamma, beta, None, None, True, 0.0, epsilon
        )
        return outputs, mean, inverse_deviation.pow(-2) - epsilon, inverse_deviation

    @staticmethod
    def setup_context(ctx, inputs, output):
        images, gamma, _, ctx.epsilon = inputs
        _, mean, _, inverse_deviation = output
        ctx.mark_non_differentiable(inverse_deviation)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(images, gamma, mean, inverse_deviation)

    @staticmethod
    def backward(ctx, *cotangents):
        of_outputs, of_mean, of_variance, _ = cotangents
        inputs, gamma, mean, inverse_deviation = ctx.saved_tensors
        found = [None, None, None]
        if of_outputs is not None:
            found[:] = torch.ops.aten.native_batch_norm_backward(
                # Detached: its own derivative knows what the mean depends on.
                *(of_outputs, inputs, gamma, None, None, mean.detach(), inverse_deviation),
                *(True, ctx.epsilon, ctx.needs_input_grad[:3]),
            )
        if of_mean is not None or of_variance is not None:
            through_statistics = _through_statistics(inputs, of_mean, of_variance)
            found[0] = through_statistics if found[0] is None else found[0] + through_statistics
        return *found, None


def _through_statistics(inputs, of_mean, of_variance):
    """What the gradients of the statistics add to that of the inputs."""
    axes = [axis for axis in range(inputs.ndim) if axis != 1]
    shape = [-1 if axis == 1 else 1 for axis in range(inputs.ndim)]
    total = torch.zeros_like(inputs)
    if of_mean is not None:
        total = total + of_mean.reshape(shape)
    if of_variance is not None:
        centred = inputs - inputs.mean(axes, keepdim=True)
        total = total + 2 * of_variance.reshape(shape) * centred
    return total * (inputs.shape[1] / inputs.numel())


def _for_batch(call):
    """`call` of `keras.layers.BatchNormalization`, by one kernel where the layer is trained."""

    @functools.wraps(call)
    def normalized(layer, inputs, training=None, mask=None):
        if not (normalizes_batch(layer, training, mask) and _has_kernel(inputs)):
            return call(layer, inputs, training=training, mask=mask)
        images, gamma, beta = _operands(layer, inputs)
        outputs, mean, variance, _ = _BatchNormalization.apply(images, gamma, beta, layer.epsilon)
        move_statistics(layer, mean, variance)
        return ops.cast(outputs.movedim(1, layer.axis), layer.compute_dtype)

    return normalized


def _for_groups(call):
    """`call` of `keras.layers.GroupNormalization`, by one kernel."""

    @functools.wraps(call)
    def normalized(layer, inputs):
        if not _has_kernel(inputs):
            return call(layer, inputs)
        images, gamma, beta = _operands(layer, inputs)
        outputs = functional.group_norm(images, layer.groups, gamma, beta, layer.epsilon)
        return ops.cast(outputs.movedim(1, layer.axis), layer.compute_dtype)

    return normalized


def _has_kernel(inputs):
    """Not where there are no examples, nor where the compiler has come past `fused_kernels`."""
    return inputs.numel() > 0 and not torch.compiler.is_compiling()


def _operands(layer, inputs):
    """Inputs channels first, scale and offset, all in float32 at least.

    A layer without a scale or an offset has ones or zeros: without, kernels have no second
    derivative.
    """
    dtype = keras.backend.result_type(inputs.dtype, "float32")
    images = ops.cast(inputs, dtype).movedim(layer.axis, 1)
    channels = images.shape[1]
    gamma = ops.cast(layer.gamma, dtype) if layer.scale else images.new_ones(channels)
    beta = ops.cast(layer.beta, dtype) if layer.center else images.new_zeros(channels)
    return images, gamma, beta


def _to_channels_first(transposed):
    """Images for a kernel; they lie in memory as before, which PyTorch calls channels last."""

    @functools.wraps(transposed)
    def seen(inputs: Tensor) -> Tensor:
        return inputs.movedim(-1, 1) if inputs.ndim == IMAGE_AXES else transposed(inputs)

    return seen


def _to_channels_last(transposed):
    """Images from a kernel, also from one that has put them in another order of its own."""

    @functools.wraps(transposed)
    def seen(outputs: Tensor) -> Tensor:
        found = transposed(outputs)
        return found.contiguous() if found.ndim == IMAGE_AXES else found

    return seen


KERNELS.add(keras.layers.BatchNormalization, "call", _for_batch)
KERNELS.add(keras.layers.GroupNormalization, "call", _for_groups)
KERNELS.add(nn, "_transpose_spatial_inputs", _to_channels_first)
KERNELS.add(nn, "_transpose_spatial_outputs", _to_channels_last)
