"""Convolutions that are to be derived twice are PyTorch's own, and so are their derivatives."""

import contextlib
import functools

import keras
import numpy as np
import pytest
from hypothesis import strategies as st

from tests.properties.fuzzing import fuzzed

torch = pytest.importorskip("torch")
if keras.backend.backend() != "torch":
    pytest.skip("the convolutions are PyTorch's", allow_module_level=True)

from torch.nn import functional  # noqa: E402

from keras_sam.backend.torch_convolutions import TwiceDifferentiable  # noqa: E402


def numbers(*shape, seed):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


def derivatives(convolve, tensors, inputs, block):
    """The output, its gradients by the inputs, and products with the matrix of second ones."""
    with block:
        outputs = convolve(*tensors)
        gradients = torch.autograd.grad(torch.sin(outputs).sum(), inputs, create_graph=True)
        directions = [numbers(*tensor.shape, seed=2) for tensor in inputs]
        return [outputs, *gradients, *torch.autograd.grad(gradients, inputs, directions)]


@fuzzed(
    rank=st.integers(1, 3),
    groups=st.integers(1, 2),
    stride=st.integers(1, 2),
    padding=st.integers(0, 1) | st.just("valid"),
    dilation=st.integers(1, 2),
    has_bias=st.booleans(),
    derived=st.sampled_from([(0, 1), (0,), (1,)]),
)
def test_derivatives(rank, groups, stride, padding, dilation, has_bias, derived):
    tensors = [numbers(2, 4, *[5] * rank, seed=0), numbers(6, 4 // groups, *[2] * rank, seed=1)]
    inputs = [tensors[index].requires_grad_() for index in derived]
    convolve = functools.partial(
        getattr(functional, f"conv{rank}d"),
        bias=numbers(6, seed=3) if has_bias else None,
        stride=stride,
        padding=padding,
        dilation=(dilation,) * rank,
        groups=groups,
    )
    blocks = contextlib.nullcontext(), TwiceDifferentiable()
    expected, found = (derivatives(convolve, tensors, inputs, block) for block in blocks)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.detach(), other.detach(), atol=1e-10)


def test_a_third_derivative():
    tensors = [numbers(1, 1, 3, seed=0).requires_grad_(), numbers(1, 1, 2, seed=1).requires_grad_()]

    def gradient(images, kernel):
        with TwiceDifferentiable():
            value = torch.sin(functional.conv1d(images, kernel)).sum()
            return torch.autograd.grad(value, (images, kernel), create_graph=True)

    assert torch.autograd.gradgradcheck(gradient, tensors)


def test_autocast_gives_the_types_that_it_gives_otherwise():
    tensors = [numbers(1, 1, 4, seed=0).float(), numbers(1, 1, 2, seed=1).float().requires_grad_()]
    with torch.autocast("cpu", torch.bfloat16):
        found = derivatives(functional.conv1d, tensors, tensors[1:], TwiceDifferentiable())
    assert [str(tensor.dtype) for tensor in found] == ["torch.bfloat16"] + 2 * ["torch.float32"]
