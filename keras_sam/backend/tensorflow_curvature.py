"""Products with matrices of second derivatives, on TensorFlow."""

import contextlib
import functools
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from keras_sam.backend.kernels import Kernels
from keras_sam.backend.tensorflow_split import Split
from keras_sam.backend.types import Gradients, Placed, Tensor, Vector

MOMENTS = Kernels()


def hessian_at(
    function: Callable[..., Any], tensors: list[Tensor], placed: Placed
) -> Callable[[Vector], Gradients]:
    """See `keras_sam.backend.jax_curvature.hessian_at`."""
    del placed
    tensors = [tf.convert_to_tensor(tensor) for tensor in tensors]
    # Backward twice: TensorFlow's forward mode knows no loops, which recurrent layers are.
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as outer:
        outer.watch(tensors)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(tensors)
            with MOMENTS.used():
                value, _ = function(tensors)
        gradients = densified(tape.gradient(value, tensors))
    return lambda vectors: _pulled(outer, gradients, tensors, vectors)


def kept_products(
    linear_at: Callable[..., Any], times: Callable[..., Any], product: Callable[..., Any]
) -> Callable[..., Callable[[Tensor], Tensor] | None]:
    """See `keras_sam.backend.jax_curvature.kept_products`; what a tape keeps is slower."""
    del linear_at, times
    split = Split(product)
    return lambda *fixed, room: split.at(fixed, fixed[0], room)


def hessian_vector_product(
    function: Callable[..., Any], tensors: list[Tensor], vectors: Vector
) -> Gradients:
    """See `keras_sam.backend.jax_curvature.hessian_vector_product`."""
    return hessian_at(function, tensors, contextlib.nullcontext)(vectors)


def _pulled(tape, outputs, tensors, vectors):
    """Gradients of the outputs' products with the vectors; an output may be `None`."""
    pairs = [pair for pair in zip(outputs, vectors) if pair[0] is not None]
    if not pairs:
        return [None] * len(tensors)
    outputs, vectors = map(list, zip(*pairs))
    return densified(tape.gradient(outputs, tensors, output_gradients=vectors))


def densified(gradients: Sequence[Any]) -> Gradients:
    """Embedding rows looked up twice are two slices of one row: only a dense sum has a norm."""
    return [None if g is None else tf.convert_to_tensor(g) for g in gradients]


def gauss_newton_vector_product(
    network: Callable[[Vector], Vector],
    loss: Callable[[Vector], tuple[Tensor, Any]],
    tensors: list[Tensor],
    vectors: Vector,
) -> Gradients:
    """See `keras_sam.backend.jax_curvature.gauss_newton_vector_product`."""
    tensors = [tf.convert_to_tensor(tensor) for tensor in tensors]
    # J v is the gradient of J'u, which is linear in u, times v.
    with tf.GradientTape(watch_accessed_variables=False) as outer:
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch(tensors)
            outputs = network(tensors)
        cotangents = [tf.zeros_like(output) for output in outputs]
        outer.watch(cotangents)
        pulled = _pulled(tape, outputs, tensors, cotangents)
    tangents = _filled(_pulled(outer, pulled, cotangents, vectors), outputs)
    curved = _filled(hessian_vector_product(loss, outputs, tangents), outputs)
    return _pulled(tape, outputs, tensors, curved)


def _filled(gradients, tensors):
    return [tf.zeros_like(t) if g is None else g for g, t in zip(gradients, tensors)]


def _by_definition(moments):
    """`tf.nn.moments` with its second derivatives.

    It takes the mean within the variance for a constant. That changes no gradient, and each
    product with a Hessian through a normalization.
    """

    @functools.wraps(moments)
    def found(x, axes, shift=None, keepdims=False, name=None):
        del shift, name  # Both without effect in TensorFlow as well.
        mean = tf.reduce_mean(x, axes, keepdims=True)
        both = mean, tf.reduce_mean((x - mean) ** 2, axes, keepdims=True)
        return both if keepdims else tuple(tf.squeeze(moment, axes) for moment in both)

    return found


MOMENTS.add(tf.nn, "moments", _by_definition)
