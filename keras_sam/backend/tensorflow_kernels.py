"""TensorFlow's fused normalization for the layers of Keras, as long as a pass lasts.

Keras computes moments, and from them a scale and an offset, in single operations; TensorFlow's
kernel goes through the images once. Layers give the numbers that they give otherwise, but for
rounding; so do derivatives of every order.
"""

import contextlib
import functools
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from keras_sam.backend.kernels import Kernels, move_statistics, normalizes_batch

IMAGE_AXES = 4

KERNELS = Kernels()


def fused_kernels() -> contextlib.AbstractContextManager[Any]:
    """See `keras_sam.backend.jax.fused_kernels`."""
    return KERNELS.used()


def _for_batch(call):
    """`call` of `keras.layers.BatchNormalization`, by one kernel where the layer is trained."""

    @functools.wraps(call)
    def normalized(layer, inputs, training=None, mask=None):
        if not (normalizes_batch(layer, training, mask) and _has_kernel(layer, inputs)):
            return call(layer, inputs, training=training, mask=mask)
        images = tf.cast(inputs, tf.float32)
        channels = [images.shape[-1]]
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=images,
            scale=tf.cast(layer.gamma, tf.float32) if layer.scale else tf.ones(channels),
            offset=tf.cast(layer.beta, tf.float32) if layer.center else tf.zeros(channels),
            mean=tf.zeros([0]),
            variance=tf.zeros([0]),
            epsilon=layer.epsilon,
        )
        move_statistics(layer, *_differentiable(images, mean, variance))
        return ops.cast(outputs, layer.compute_dtype)

    return normalized


def _has_kernel(layer, inputs):
    """Images channels last, and their statistics in no more than float32."""
    is_last = layer.axis in (-1, IMAGE_AXES - 1)
    return len(inputs.shape) == IMAGE_AXES and is_last and inputs.dtype != tf.float64


@tf.custom_gradient
def _differentiable(images, mean, unbiased):
    """Mean and biased variance of the kernel, with the gradient that it does not give them.

    It costs nothing unless a loss depends on the statistics.
    """
    size = tf.cast(tf.size(images) / tf.size(mean), tf.float32)

    def gradients(of_mean, of_variance):
        centred = images - tf.reduce_mean(images, [0, 1, 2], keepdims=True)
        return (of_mean + 2 * of_variance * centred) / size, None, None

    return (mean, unbiased * (size - 1) / size), gradients


KERNELS.add(keras.layers.BatchNormalization, "call", _for_batch)
