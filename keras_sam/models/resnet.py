"""Residual networks for small and large images, as plain Keras functional models.

`resnet_cifar` follows section 4.2 of "Deep Residual Learning for Image Recognition" (He et al.,
2016): depth 6n + 2, three stages, shortcuts without parameters (its option A). `resnet18` and
`resnet50` are the networks for ImageNet, with projection shortcuts (option B) and, in the
bottlenecks, the stride on the 3x3 convolution as in PyTorch's. All of them return logits.

Initial values and normalisation are those of the sharpness-aware minimization paper:
Kaiming-normal convolutions (fan out), batch normalisation with momentum 0.9 and epsilon 1e-5,
and a head that is uniform in +-1/sqrt(num_classes).
"""

import keras
from keras import layers

from keras_sam.models.checks import check_images

SMALL_IMAGE = 64  # Below this many pixels ImageNet's stem would leave nothing to look at.


def resnet_cifar(depth, input_shape=(32, 32, 3), num_classes=10):
    """Builds a residual network for CIFAR-sized images.

    Args:
        depth: Integer, 6n + 2: 8, 14, 20, 32, 44 or 56 for instance.
        input_shape: Tuple of three integers, (height, width, channels). Defaults to
            `(32, 32, 3)`.
        num_classes: Integer, number of logits. Defaults to `10`.

    Returns:
        A `keras.Model` from images (batch, height, width, channels) to float32 logits
        (batch, num_classes).

    Raises:
        ValueError: If the depth is not 6n + 2, or the shape is not that of images.

    Example:

    >>> from keras_sam import models
    >>> model = models.resnet_cifar(20, (32, 32, 3), num_classes=10)
    >>> model.output_shape
    (None, 10)
    """
    if depth < 8 or (depth - 2) % 6:
        raise ValueError(
            "The depth of a ResNet for CIFAR must be 6n + 2, such as 8, 14, 20, 32, 44 or 56. "
            f"Received: depth={depth}"
        )
    check_images(input_shape, num_classes)
    blocks = [(depth - 2) // 6] * 3
    inputs = keras.Input(input_shape)
    outputs = _convolution(inputs, 16, 3)
    outputs = _stages(outputs, _basic_block, (16, 32, 64), blocks, _padded_shortcut)
    return keras.Model(inputs, _head(outputs, num_classes), name=f"resnet{depth}")


def resnet18(input_shape=(32, 32, 3), num_classes=10):
    """Builds ResNet-18; images under 64 pixels get a 3x3 stem without pooling.

    Args:
        input_shape: Tuple of three integers, (height, width, channels). Defaults to
            `(32, 32, 3)`.
        num_classes: Integer, number of logits. Defaults to `10`.

    Returns:
        A `keras.Model` from images (batch, height, width, channels) to float32 logits
        (batch, num_classes).

    Raises:
        ValueError: If the shape is not that of images.

    Example:

    >>> from keras_sam import models
    >>> models.resnet18((32, 32, 3), 10).count_params() > 11_000_000
    True
    """
    return _imagenet_network("resnet18", _basic_block, (2, 2, 2, 2), input_shape, num_classes)


def resnet50(input_shape=(224, 224, 3), num_classes=1000):
    """Builds ResNet-50; images under 64 pixels get a 3x3 stem without pooling.

    Args:
        input_shape: Tuple of three integers, (height, width, channels). Defaults to
            `(224, 224, 3)`.
        num_classes: Integer, number of logits. Defaults to `1000`.

    Returns:
        A `keras.Model` from images (batch, height, width, channels) to float32 logits
        (batch, num_classes).

    Raises:
        ValueError: If the shape is not that of images.

    Example:

    >>> from keras_sam import models
    >>> models.resnet50((224, 224, 3), 1000).count_params() > 25_000_000
    True
    """
    return _imagenet_network("resnet50", _bottleneck, (3, 4, 6, 3), input_shape, num_classes)


def _imagenet_network(name, block, blocks, input_shape, num_classes):
    check_images(input_shape, num_classes)
    inputs = keras.Input(input_shape)
    large = min(input_shape[:2]) >= SMALL_IMAGE
    outputs = _imagenet_stem(inputs) if large else _convolution(inputs, 64, 3)
    outputs = _stages(outputs, block, (64, 128, 256, 512), blocks, _projected_shortcut)
    return keras.Model(inputs, _head(outputs, num_classes), name=name)


def _imagenet_stem(inputs):
    outputs = _convolution(inputs, 64, 7, strides=2)
    # Padding by hand, so that every backend pools the same windows; zeros are harmless after ReLU.
    return layers.MaxPooling2D(3, strides=2)(layers.ZeroPadding2D(1)(outputs))


def _stages(inputs, block, widths, blocks, shortcut):
    outputs = inputs
    for stage, (filters, count) in enumerate(zip(widths, blocks, strict=True)):
        for index in range(count):
            strides = 2 if stage > 0 and index == 0 else 1
            outputs = block(outputs, filters, strides, shortcut)
    return outputs


def _basic_block(inputs, filters, strides, shortcut):
    outputs = _convolution(inputs, filters, 3, strides=strides)
    outputs = _convolution(outputs, filters, 3, activation=False)
    return layers.ReLU()(layers.Add()([shortcut(inputs, filters, strides), outputs]))


def _bottleneck(inputs, filters, strides, shortcut):
    outputs = _convolution(inputs, filters, 1)
    outputs = _convolution(outputs, filters, 3, strides=strides)
    outputs = _convolution(outputs, 4 * filters, 1, activation=False)
    return layers.ReLU()(layers.Add()([shortcut(inputs, 4 * filters, strides), outputs]))


def _padded_shortcut(inputs, filters, strides):
    """Option A: subsample, then fill the new channels with zeros; no parameters."""
    outputs = inputs
    if strides > 1:
        outputs = layers.AveragePooling2D(1, strides=strides)(outputs)
    missing = filters - inputs.shape[-1]
    if missing:
        # Keras pads space only: the channels take the place of the columns and go back.
        outputs = layers.Permute((1, 3, 2))(outputs)
        outputs = layers.ZeroPadding2D(((0, 0), (missing // 2, missing - missing // 2)))(outputs)
        outputs = layers.Permute((1, 3, 2))(outputs)
    return outputs


def _projected_shortcut(inputs, filters, strides):
    """Option B: a 1x1 convolution wherever the shape changes."""
    if strides == 1 and inputs.shape[-1] == filters:
        return inputs
    return _convolution(inputs, filters, 1, strides=strides, activation=False)


def _convolution(inputs, filters, size, strides=1, activation=True):
    """Convolution, batch normalisation and, where wanted, ReLU."""
    if strides > 1 and size > 1:
        # Symmetric padding as in the papers' code; "same" would shift strided windows.
        inputs = layers.ZeroPadding2D(size // 2)(inputs)
    outputs = layers.Conv2D(
        filters,
        size,
        strides=strides,
        padding="valid" if strides > 1 else "same",
        use_bias=False,
        kernel_initializer=keras.initializers.VarianceScaling(
            2.0, mode="fan_out", distribution="untruncated_normal"
        ),
    )(inputs)
    outputs = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(outputs)
    return layers.ReLU()(outputs) if activation else outputs


def _head(inputs, num_classes):
    limit = num_classes**-0.5
    # In float32 also under a mixed policy: half precision is too coarse for logits.
    return layers.Dense(
        num_classes,
        kernel_initializer=keras.initializers.RandomUniform(-limit, limit),
        dtype="float32",
        name="logits",
    )(layers.GlobalAveragePooling2D()(inputs))
