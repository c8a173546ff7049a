"""Products with matrices of second derivatives, on JAX."""

import functools
from collections.abc import Callable
from typing import Any

import jax

from keras_sam.backend.types import Gradients, Placed, Tensor, Vector


def hessian_at(
    function: Callable[..., Any], tensors: list[Tensor], placed: Placed
) -> Callable[[Vector], Gradients]:
    """What multiplies by the Hessian of `function(tensors) -> (value, auxiliary)` at a point.

    It keeps what all products share, so that each takes less time than
    `hessian_vector_product`, and the memory of the activations several times over.

    Args:
        function: As in `hessian_vector_product`.
        tensors: List of tensors, the point.
        placed: Function of the tensors that opens a block in which the model has them: PyTorch's
            rematerialised layers run again in it.
    """
    del placed
    return jax.linearize(_gradient_of(function), list(tensors))[1]


def kept_products(
    linear_at: Callable[..., Any], times: Callable[..., Any], product: Callable[..., Any]
) -> Callable[..., Callable[[Tensor], Tensor] | None]:
    """What multiplies vectors by one Hessian, compiled, and keeps what its products share.

    A backend needs the first two functions, or the third.

    Args:
        linear_at: Function `(point, others, batch)` that gives a linear function, as
            `hessian_at` does.
        times: Function of a linear function and a vector.
        product: Function `(point, others, batch, vector)`, the product.

    Returns:
        Function `(point, others, batch, room)` that gives the function of a vector, all of which
        is in memory when it returns; `None` where it knows that it takes more than `room` bytes.
    """
    del product
    compiled_at, compiled_times = jax.jit(linear_at), jax.jit(times)

    def at(*arguments, room):
        shapes = jax.tree.leaves(jax.eval_shape(compiled_at, *arguments))
        if sum(leaf.size * leaf.dtype.itemsize for leaf in shapes) > room:
            return None
        return functools.partial(compiled_times, jax.block_until_ready(compiled_at(*arguments)))

    return at


def hessian_vector_product(
    function: Callable[..., Any], tensors: list[Tensor], vectors: Vector
) -> Gradients:
    """Product of the Hessian of `function(tensors) -> (value, auxiliary)` with `vectors`."""
    return jax.jvp(_gradient_of(function), (list(tensors),), (list(vectors),))[1]


def _gradient_of(function):
    return jax.grad(lambda point: function(point)[0])


def gauss_newton_vector_product(
    network: Callable[[Vector], Vector],
    loss: Callable[[Vector], tuple[Tensor, Any]],
    tensors: list[Tensor],
    vectors: Vector,
) -> Gradients:
    """Product of a generalised Gauss-Newton matrix J'HJ with `vectors`.

    Args:
        network: Maps a list of tensors to a list of outputs; J is its Jacobian.
        loss: Maps the list of outputs to `(value, auxiliary)`; H is the Hessian of the value.
        tensors: List of tensors, the point at which to differentiate.
        vectors: List of tensors, shaped as `tensors`.
    """
    outputs, pull_back = jax.vjp(network, list(tensors))
    tangents = jax.jvp(network, (list(tensors),), (list(vectors),))[1]
    return pull_back(hessian_vector_product(loss, outputs, tangents))[0]
