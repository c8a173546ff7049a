"""Products with matrices of second derivatives, on PyTorch."""

import contextlib
import functools
from collections.abc import Callable
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from keras_sam.backend.torch_convolutions import TwiceDifferentiable
from keras_sam.backend.types import Gradients, Placed, Tensor, Vector


def hessian_at(
    function: Callable[..., Any], tensors: list[Tensor], placed: Placed
) -> Callable[[Vector], Gradients]:
    """See `keras_sam.backend.jax_curvature.hessian_at`."""
    tensors = leaves(tensors)
    multiply = _hessian_at(function, tensors, is_kept=True)

    def multiplied_by(vectors):
        with placed(tensors):
            return multiply(vectors)

    return multiplied_by


def kept_products(
    linear_at: Callable[..., Any], times: Callable[..., Any], product: Callable[..., Any]
) -> Callable[..., Callable[[Tensor], Tensor] | None]:
    """See `keras_sam.backend.jax_curvature.kept_products`; what it takes is not known beforehand.

    While it is made it takes what a product takes that keeps nothing.
    """
    del product
    return lambda *arguments, room: functools.partial(times, linear_at(*arguments))


def hessian_vector_product(
    function: Callable[..., Any], tensors: list[Tensor], vectors: Vector
) -> Gradients:
    """See `keras_sam.backend.jax_curvature.hessian_vector_product`."""
    return _hessian_at(function, leaves(tensors), is_kept=False)(vectors)


def _hessian_at(function, tensors, is_kept):
    with torch.enable_grad(), _twice_differentiable():
        value, _ = function(tensors)
        gradients = torch.autograd.grad(value, tensors, create_graph=True, allow_unused=True)
    # A gradient that is constant (a linear layer's, say) has no graph and a zero product.
    curved = [gradient is not None and gradient.requires_grad for gradient in gradients]
    outputs = [gradient for gradient, is_curved in zip(gradients, curved) if is_curved]

    def multiplied_by(vectors):
        if not outputs:
            return [None] * len(tensors)
        cotangents = [vector for vector, is_curved in zip(vectors, curved) if is_curved]
        options = {"allow_unused": True, "retain_graph": is_kept}
        with torch.enable_grad(), _twice_differentiable():  # Rematerialised layers run again.
            return list(torch.autograd.grad(outputs, tensors, cotangents, **options))

    return multiplied_by


def gauss_newton_vector_product(
    network: Callable[[Vector], Vector],
    loss: Callable[[Vector], tuple[Tensor, Any]],
    tensors: list[Tensor],
    vectors: Vector,
) -> Gradients:
    """See `keras_sam.backend.jax_curvature.gauss_newton_vector_product`."""
    tensors = leaves(tensors)
    with torch.enable_grad(), _twice_differentiable():
        outputs = network(tensors)
        tangents = _pushed_forward(outputs, tensors, vectors)
    curved = hessian_vector_product(loss, outputs, tangents)
    pairs = [(output, part) for output, part in zip(outputs, curved) if part is not None]
    if not pairs:
        return [None] * len(tensors)
    reached, cotangents = zip(*pairs)
    return list(torch.autograd.grad(reached, tensors, cotangents, allow_unused=True))


def leaves(tensors: list[Tensor]) -> list[Tensor]:
    """Leaves of a new graph that share their storage with the weights: nothing is copied."""
    return [tensor.detach().requires_grad_() for tensor in tensors]


@contextlib.contextmanager
def _twice_differentiable():
    """PyTorch's fused kernels of attention have but a first derivative, convolutions a slow one."""
    with sdpa_kernel(SDPBackend.MATH), TwiceDifferentiable():
        yield


def _pushed_forward(outputs, tensors, vectors):
    """Jacobian-vector product: a vector-Jacobian product is linear in what it is given.

    PyTorch's own forward mode knows fewer operations than its reverse mode.
    """
    probes = [torch.zeros_like(output, requires_grad=True) for output in outputs]
    pulled = torch.autograd.grad(outputs, tensors, probes, create_graph=True, allow_unused=True)
    reached = [(part, v) for part, v in zip(pulled, vectors) if part is not None]
    parts, cotangents = zip(*reached)
    tangents = torch.autograd.grad(parts, probes, cotangents, retain_graph=True, allow_unused=True)
    return [torch.zeros_like(o) if t is None else t for o, t in zip(outputs, tangents)]
