"""Convolutions of which PyTorch is fast at second derivatives.

A product with a Hessian takes six convolutions for each one in the network. Two of them PyTorch
computes with the images as the kernel, which its kernels on a CPU are ten times slower at. They are
gradients of a convolution as well, and here they are computed as such; the numbers are the same but
for rounding.
"""

import functools

import torch
from torch.overrides import TorchFunctionMode

RANKS = {torch.conv1d: 1, torch.conv2d: 2, torch.conv3d: 3}


class TwiceDifferentiable(TorchFunctionMode):
    """A block in which convolutions are such ones."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func in RANKS:
            return _convolved(func, *args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def _convolved(original, input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    rank = RANKS[original]
    is_plain = bias is None and not isinstance(padding, str) and input.ndim == rank + 2
    if not is_plain or torch.is_autocast_enabled(input.device.type):
        return original(input, weight, bias, stride, padding, dilation, groups)
    places = [[n] * rank if isinstance(n, int) else list(n) for n in (stride, padding, dilation)]
    return _Convolution.apply(input, weight, (*places, False, [0] * rank, groups))


class _Convolution(torch.autograd.Function):
    """A convolution; `options` are those of `torch.convolution` from the strides on."""

    @staticmethod
    def forward(ctx, images, kernel, options):
        ctx.options = options
        ctx.save_for_backward(images, kernel)
        return torch.convolution(images, kernel, None, *options)

    @staticmethod
    def backward(ctx, cotangent):
        wanted = ctx.needs_input_grad[:2]
        return *_Gradients.apply(cotangent, *ctx.saved_tensors, ctx.options, wanted), None


class _Gradients(torch.autograd.Function):
    """The gradients of a convolution by the images and by the kernel, where they are wanted."""

    @staticmethod
    def forward(ctx, cotangent, images, kernel, options, wanted):
        ctx.options = options
        ctx.save_for_backward(cotangent, images, kernel)
        ctx.set_materialize_grads(False)
        return _gradients(cotangent, images, kernel, options, wanted)

    @staticmethod
    def backward(ctx, to_images, to_kernel):
        cotangent, images, kernel = ctx.saved_tensors
        parts, of_images, of_kernel = [], None, None
        if to_images is not None:
            parts.append(torch.convolution(to_images, kernel, None, *ctx.options))
            of_kernel = _gradients(cotangent, to_images, kernel, ctx.options, (False, True))[1]
        if to_kernel is not None:
            parts.append(torch.convolution(images, to_kernel, None, *ctx.options))
            if ctx.needs_input_grad[1]:  # Not so of the first layer's, which are the data.
                of_images = _gradients(cotangent, images, to_kernel, ctx.options, (True, False))[0]
        return (
            functools.reduce(torch.add, parts) if parts else None,
            of_images,
            of_kernel,
            None,
            None,
        )


def _gradients(cotangent, images, kernel, options, wanted):
    mask = [*wanted, False]
    return torch.ops.aten.convolution_backward(cotangent, images, kernel, None, *options, mask)[:2]
