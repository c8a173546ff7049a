"""Residual networks for small and large images, as plain Keras functional models.

`resnet_cifar` follows section 4.2 of "Deep Residual Learning for Image Recognition" (He et al.,
2016): depth 6n + 2, three stages, shortcuts without parameters (its option A). `resnet` builds
the networks for ImageNet, with projection shortcuts (option B) and, in the bottlenecks, the
stride on the 3x3 convolution as in PyTorch's. All of them return logits.
"""

from functools import partial

import keras
from keras import layers

from keras_sam.models.blocks import Block, Blocks, logits, stages, subsampled_shortcut
from keras_sam.models.checks import check_depth, check_images, check_normalization
from keras_sam.tensors import Tensor

SMALL_IMAGE = 64  # Below this many pixels ImageNet's stem would leave nothing to look at.
IMAGENET_BLOCKS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
LEAST_BOTTLENECK_DEPTH = 50


def resnet_cifar(
    depth: int,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    normalization: str | None = "batch",
) -> keras.Model:
    """Builds a residual network for CIFAR-sized images.

    Args:
        depth: Integer, 6n + 2: 8, 14, 20, 26, 32, 44, 56 or 110 for instance.
        input_shape: Tuple of three integers, (height, width, channels). Defaults to
            `(32, 32, 3)`.
        num_classes: Integer, number of logits. Defaults to `10`.
        normalization: `"batch"`, `"group"` (8 groups), `"layer"` or `None`, for convolutions
            with a bias instead. Defaults to `"batch"`.

    Returns:
        A `keras.Model` from images (batch, height, width, channels) to float32 logits
        (batch, num_classes).

    Raises:
        ValueError: If the depth is not 6n + 2, the normalisation is unknown, or the shape is
            not that of images.

    Example:

    >>> from keras_sam import models
    >>> model = models.resnet_cifar(20, (32, 32, 3), num_classes=10)
    >>> model.output_shape
    (None, 10)
    """
    count = check_depth("ResNet for CIFAR", depth, 6, 2)
    check_images(input_shape, num_classes)
    blocks = Blocks(check_normalization(normalization), branches=3 * count)
    inputs = keras.Input(input_shape)
    outputs = blocks.unit(inputs, 16, 3)
    block = partial(_basic_block, blocks, subsampled_shortcut)
    outputs = stages(outputs, block, (16, 32, 64), (count, count, count))
    return keras.Model(inputs, logits(outputs, num_classes), name=f"resnet{depth}")


def resnet(
    depth: int,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    normalization: str | None = "batch",
) -> keras.Model:
    """Builds a residual network for ImageNet; images under 64 pixels get a 3x3 stem.

    Args:
        depth: Integer, 18 or 34 (of basic blocks), 50, 101 or 152 (of bottlenecks).
        input_shape: Tuple of three integers, (height, width, channels). Under 64 pixels the
            stem does not pool either. Defaults to `(224, 224, 3)`.
        num_classes: Integer, number of logits. Defaults to `1000`.
        normalization: `"batch"`, `"group"` (8 groups), `"layer"` or `None`, for convolutions
            with a bias instead. Defaults to `"batch"`.

    Returns:
        A `keras.Model` from images (batch, height, width, channels) to float32 logits
        (batch, num_classes).

    Raises:
        ValueError: If the depth or the normalisation is unknown, or the shape is not that of
            images.

    Example:

    >>> from keras_sam import models
    >>> models.resnet(18, (32, 32, 3), 10).count_params() > 11_000_000
    True
    """
    check_images(input_shape, num_classes)
    if depth not in IMAGENET_BLOCKS:
        known = ", ".join(map(str, IMAGENET_BLOCKS))
        raise ValueError(
            f"The depth of a ResNet for ImageNet must be one of {known}. Received: depth={depth}"
        )
    counts = IMAGENET_BLOCKS[depth]
    blocks = Blocks(check_normalization(normalization), branches=sum(counts))
    inputs = keras.Input(input_shape)
    large = min(input_shape[:2]) >= SMALL_IMAGE
    outputs = _imagenet_stem(blocks, inputs) if large else blocks.unit(inputs, 64, 3)
    kind = _bottleneck if depth >= LEAST_BOTTLENECK_DEPTH else _basic_block
    block = partial(kind, blocks, blocks.projected_shortcut)
    outputs = stages(outputs, block, (64, 128, 256, 512), counts)
    return keras.Model(inputs, logits(outputs, num_classes), name=f"resnet{depth}")


def _imagenet_stem(blocks: Blocks, inputs: Tensor) -> Tensor:
    outputs = blocks.unit(inputs, 64, 7, strides=2)
    # Padding by hand, so that every backend pools the same windows; zeros are harmless after ReLU.
    return layers.MaxPooling2D(3, strides=2)(layers.ZeroPadding2D(1)(outputs))


def _basic_block(
    blocks: Blocks, shortcut: Block, inputs: Tensor, filters: int, strides: int
) -> Tensor:
    outputs = blocks.unit(inputs, filters, 3, strides)
    outputs = blocks.last_unit(outputs, filters, 3)
    return layers.ReLU()(layers.Add()([shortcut(inputs, filters, strides), outputs]))


def _bottleneck(
    blocks: Blocks, shortcut: Block, inputs: Tensor, filters: int, strides: int
) -> Tensor:
    outputs = blocks.unit(inputs, filters, 1)
    outputs = blocks.unit(outputs, filters, 3, strides)
    outputs = blocks.last_unit(outputs, 4 * filters, 1)
    return layers.ReLU()(layers.Add()([shortcut(inputs, 4 * filters, strides), outputs]))
