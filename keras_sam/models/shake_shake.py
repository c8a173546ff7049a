"""Shake-Shake networks: two residual branches that are mixed at random in training.

"Shake-Shake regularization" (Gastaldi, 2017), with the activations and shortcuts of its code.
A 26 2x96d has 26,192,922 trainable weights for CIFAR-10; published are 26.2 M.
"""

from functools import partial

import keras
from keras import layers

from keras_sam.models.blocks import Blocks, logits, stages
from keras_sam.models.checks import check_depth, check_images, check_normalization
from keras_sam.models.gates import ShakeShake
from keras_sam.tensors import Tensor


def shake_shake(
    depth: int,
    width: int,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    normalization: str | None = "batch",
) -> keras.Model:
    """Builds the Shake-Shake network "depth 2x(width)d".

    Its gates are layers of this package: `import keras_sam` before loading a saved one.

    Args:
        depth: Integer, 6n + 2: 8, 14, 20 or 26 for instance.
        width: Even integer, channels of the first stage; the others have 2 and 4 times as many.
        input_shape: Tuple of three integers, (height, width, channels). Defaults to
            `(32, 32, 3)`.
        num_classes: Integer, number of logits. Defaults to `10`.
        normalization: `"batch"`, `"group"` (8 groups), `"layer"` or `None`, for convolutions
            with a bias instead. Defaults to `"batch"`.

    Returns:
        A `keras.Model` from images (batch, height, width, channels) to float32 logits
        (batch, num_classes).

    Raises:
        ValueError: If the depth is not 6n + 2, the width is odd, the normalisation is unknown,
            or the shape is not that of images.

    Example:

    >>> from keras_sam import models
    >>> models.shake_shake(8, 8).name
    'shake_shake8_2x8d'
    """
    count = check_depth("Shake-Shake network", depth, 6, 2)
    check_images(input_shape, num_classes)
    if width < 2 or width % 2:
        raise ValueError(
            "The width of a Shake-Shake network must be even, as its shortcuts join two halves. "
            f"Received: width={width}"
        )
    blocks = Blocks(check_normalization(normalization), branches=3 * count)
    inputs = keras.Input(input_shape)
    outputs = blocks.normalised(blocks.convolution(inputs, 16, 3), activation=False)
    widths = (width, 2 * width, 4 * width)
    outputs = stages(outputs, partial(_block, blocks), widths, (count, count, count))
    outputs = logits(layers.ReLU()(outputs), num_classes)
    return keras.Model(inputs, outputs, name=f"shake_shake{depth}_2x{width}d")


def _block(blocks: Blocks, inputs: Tensor, filters: int, strides: int) -> Tensor:
    branches = [_branch(blocks, inputs, filters, strides) for _ in range(2)]
    shortcut = inputs
    if strides > 1 or inputs.shape[-1] != filters:
        shortcut = _joined_shortcut(blocks, inputs, filters, strides)
    return layers.Add()([shortcut, ShakeShake()(branches)])


def _branch(blocks: Blocks, inputs: Tensor, filters: int, strides: int) -> Tensor:
    outputs = blocks.unit(layers.ReLU()(inputs), filters, 3, strides)
    return blocks.last_unit(outputs, filters, 3)


def _joined_shortcut(blocks: Blocks, inputs: Tensor, filters: int, strides: int) -> Tensor:
    """Half of the channels from the pixels at even places, half from their lower right ones."""
    shifted = layers.ZeroPadding2D(((0, 1), (0, 1)))(inputs)
    shifted = layers.Cropping2D(((1, 0), (1, 0)))(shifted)
    halves = [blocks.convolution(pixels, filters // 2, 1, strides) for pixels in (inputs, shifted)]
    return blocks.normalised(layers.Concatenate()(halves), activation=False)
