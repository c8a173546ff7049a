"""Keras 2's own class for SAM, and a step with two tapes as one writes it by hand."""

from typing import Any

import tensorflow as tf
import tf_keras
from _cases import IMAGE_SHAPE, LEARNING_RATE, MOMENTUM, NUM_CLASSES, RHO, Data, Train
from tf_keras import layers


def _convolution(images, filters, stride=1):
    options = {"padding": "same", "use_bias": False}
    images = layers.Conv2D(filters, 3, stride, **options)(images)
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(images)


def _block(images, filters, stride):
    outputs = layers.ReLU()(_convolution(images, filters, stride))
    outputs = _convolution(outputs, filters)
    missing = filters - images.shape[-1]
    if stride > 1 or missing:
        padding = [(0, 0)] * 3 + [(missing // 2, missing - missing // 2)]
        images = images[:, ::stride, ::stride]
        images = layers.Lambda(lambda x: tf.pad(x, padding))(images)
    return layers.ReLU()(layers.add([outputs, images]))


def _network(blocks):
    """The network of `keras_sam.models.resnet_cifar`, in Keras 2."""
    inputs = tf_keras.Input(IMAGE_SHAPE)
    images = layers.ReLU()(_convolution(inputs, 16))
    for stage, filters in enumerate((16, 32, 64)):
        for number in range(blocks):
            images = _block(images, filters, 2 if stage and not number else 1)
    logits = layers.Dense(NUM_CLASSES)(layers.GlobalAveragePooling2D()(images))
    return tf_keras.Model(inputs, logits)


def build(blocks: int, batch_size: int, data: Data) -> dict[str, Train]:
    """The plain cases and SAM: see `peers.build`."""
    keras_2_sam = tf_keras.models.experimental.SharpnessAwareMinimization
    return {
        "tf_keras plain": _fitted(_network(blocks), batch_size, data),
        "tf_keras sam": _fitted(keras_2_sam(_network(blocks), rho=RHO), batch_size, data),
        "two tapes plain": _by_hand(_network(blocks), False, batch_size, data),
        "two tapes sam": _by_hand(_network(blocks), True, batch_size, data),
    }


def _optimizer():
    return tf_keras.optimizers.SGD(LEARNING_RATE, momentum=MOMENTUM)


def _loss():
    return tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def _fitted(model: Any, batch_size: int, data: Data) -> Train:
    model.compile(_optimizer(), _loss(), metrics=["accuracy"])

    def train(steps: int) -> None:
        images, labels = (part[: steps * batch_size] for part in data)
        model.fit(images, labels, batch_size=batch_size, verbose=0)

    return train


def _by_hand(network: Any, is_sam: bool, batch_size: int, data: Data) -> Train:
    loss_of, optimizer = _loss(), _optimizer()
    metrics = [tf_keras.metrics.Mean(), tf_keras.metrics.SparseCategoricalAccuracy()]
    weights = network.trainable_variables

    def gradients_of(images, labels):
        with tf.GradientTape() as tape:
            logits = network(images, training=True)
            loss = loss_of(labels, logits)
        return tape.gradient(loss, weights), loss, logits

    @tf.function
    def step(images, labels):
        gradients, loss, logits = gradients_of(images, labels)
        statistics = [tf.identity(weight) for weight in network.non_trainable_variables]
        if is_sam:
            factor = RHO / tf.linalg.global_norm(gradients)
            offsets = [gradient * factor for gradient in gradients]
            for weight, offset in zip(weights, offsets, strict=True):
                weight.assign_add(offset)
            gradients, _, _ = gradients_of(images, labels)
            for weight, offset in zip(weights, offsets, strict=True):
                weight.assign_sub(offset)
            for statistic, value in zip(network.non_trainable_variables, statistics, strict=True):
                statistic.assign(value)  # Those of the clean pass alone.
        optimizer.apply_gradients(zip(gradients, weights, strict=True))
        metrics[0].update_state(loss)
        metrics[1].update_state(labels, logits)

    def train(steps: int) -> None:
        images, labels = (part[: steps * batch_size] for part in data)
        batches = tf.data.Dataset.from_tensor_slices((images, labels)).batch(batch_size)
        for batch in batches.prefetch(tf.data.AUTOTUNE):
            step(*batch)
        for metric in metrics:
            metric.result().numpy()
            metric.reset_state()

    return train
