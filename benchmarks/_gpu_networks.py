"""The Keras networks of the GPU benchmark, and stand-ins that a CPU trains in a moment."""

from collections.abc import Callable

import keras
from keras import layers

from keras_sam import models

SHAPE, CLASSES = (224, 224, 3), 1000
TINY_SHAPE, TINY_CLASSES = (32, 32, 3), 10


def build(name: str, is_tiny: bool) -> keras.Model:
    """A network in the precision of the global policy, with random weights.

    Args:
        name: Key of `NETWORKS`.
        is_tiny: Whether to build its stand-in, for images of 32 pixels and ten classes.

    Returns:
        Keras model with logits.
    """
    return NETWORKS[name][is_tiny]()


def _resnet50():
    return keras.applications.ResNet50(
        weights=None, input_shape=SHAPE, classes=CLASSES, classifier_activation=None
    )


def _tiny_resnet():
    return models.get("resnet8", TINY_SHAPE, TINY_CLASSES)


def _vit():
    return models.get("vit_small16", SHAPE, CLASSES)


def _tiny_vit():
    return models.vit(8, 32, 1, 2, TINY_SHAPE, TINY_CLASSES)


def _efficientnet():
    return keras.applications.EfficientNetB0(
        weights=None, input_shape=SHAPE, classes=CLASSES, classifier_activation=None
    )


def _tiny_efficientnet():
    """Kinds of layers that the others have not: an EfficientNet of seven blocks compiles long."""
    return keras.Sequential(
        [
            keras.Input(TINY_SHAPE),
            layers.Conv2D(8, 3, 2, use_bias=False),
            layers.DepthwiseConv2D(3, use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("swish"),
            layers.Dropout(0.2, noise_shape=(None, 1, 1, 1)),  # Stochastic depth.
            layers.GlobalAveragePooling2D(),
            layers.Dense(TINY_CLASSES),
        ]
    )


# The network, and its stand-in.
NETWORKS: dict[str, tuple[Callable[[], keras.Model], Callable[[], keras.Model]]] = {
    "resnet50": (_resnet50, _tiny_resnet),
    "vit_small16": (_vit, _tiny_vit),
    "efficientnet_b0": (_efficientnet, _tiny_efficientnet),
}
