"""A small convolutional network for the 8x8 digits and for trying things out."""

import keras
from keras import layers

from keras_sam.models.checks import check_images


def convnet(input_shape: tuple[int, int, int] = (8, 8, 1), num_classes: int = 10) -> keras.Model:
    """Builds a network of three convolutions and a dense head; 25,978 trainable weights for digits.

    Each convolution is followed by batch normalisation: without it a perturbation that is large
    against the small weights, such as rho 0.5, keeps training from ever getting started.

    Args:
        input_shape: Tuple of three integers, (height, width, channels). Defaults to
            `(8, 8, 1)`.
        num_classes: Integer, number of logits. Defaults to `10`.

    Returns:
        A `keras.Model` from images (batch, height, width, channels) to float32 logits
        (batch, num_classes).

    Raises:
        ValueError: If the shape is not that of images.

    Example:

    >>> from keras_sam import models
    >>> models.convnet((8, 8, 1), 10).output_shape
    (None, 10)
    """
    check_images(input_shape, num_classes)
    inputs = keras.Input(input_shape)
    outputs = inputs
    for filters, strides in ((16, 1), (32, 2), (64, 2)):
        outputs = layers.Conv2D(
            filters,
            3,
            strides=strides,
            padding="same",
            use_bias=False,
            kernel_initializer="he_normal",
        )(outputs)
        outputs = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(outputs)
        outputs = layers.ReLU()(outputs)
    outputs = layers.Flatten()(outputs)
    # In float32 also under a mixed policy: half precision is too coarse for logits.
    outputs = layers.Dense(num_classes, dtype="float32", name="logits")(outputs)
    return keras.Model(inputs, outputs, name="convnet")
