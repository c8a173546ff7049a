"""Pyramidal residual networks, whose channels grow with each block, and ShakeDrop.

"Deep Pyramidal Residual Networks" (Han et al., 2017) with bottlenecks and additive widening, as
in the sharpness-aware minimization paper's code. A 272 of alpha 200 has 26,210,842 trainable
weights for CIFAR-10, with ShakeDrop and without. Published are 26.0 M: channels rounded down, as
in the paper's equation 3, would make 26,049,562.
"""

import keras
from keras import layers

from keras_sam.models.blocks import Blocks, logits, pooled_shortcut
from keras_sam.models.checks import check_depth, check_images, check_normalization
from keras_sam.models.gates import ShakeDrop
from keras_sam.tensors import Tensor

FIRST_CHANNELS = 16
EXPANSION = 4
LAST_SURVIVAL = 0.5


def pyramidnet(
    depth: int,
    alpha: float,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    shakedrop: bool = False,
    normalization: str | None = "batch",
) -> keras.Model:
    """Builds a PyramidNet of bottlenecks.

    Args:
        depth: Integer, 9n + 2: 11, 110, 164, 200 or 272 for instance.
        alpha: Number of channels by which the last block is wider than the stem's 16; the
            blocks between grow evenly and are rounded.
        input_shape: Tuple of three integers, (height, width, channels). Defaults to
            `(32, 32, 3)`.
        num_classes: Integer, number of logits. Defaults to `10`.
        shakedrop: Whether residual branches are gated at random in training, with survival
            probabilities that fall linearly to 0.5. The gates are layers of this package:
            `import keras_sam` before loading such a model. Defaults to `False`.
        normalization: `"batch"`, `"group"` (8 groups), `"layer"` or `None`, for convolutions
            with a bias instead. Defaults to `"batch"`.

    Returns:
        A `keras.Model` from images (batch, height, width, channels) to float32 logits
        (batch, num_classes).

    Raises:
        ValueError: If the depth is not 9n + 2, the normalisation is unknown, or the shape is
            not that of images.

    Example:

    >>> from keras_sam import models
    >>> models.pyramidnet(11, 8, shakedrop=True).name
    'pyramidnet11_a8_shakedrop'
    """
    count = check_depth("PyramidNet", depth, 9, 2)
    check_images(input_shape, num_classes)
    total = 3 * count
    blocks = Blocks(check_normalization(normalization), branches=total)
    inputs = keras.Input(input_shape)
    outputs = blocks.normalised(blocks.convolution(inputs, FIRST_CHANNELS, 3), activation=False)
    for index in range(total):
        filters = round(FIRST_CHANNELS + alpha * (index + 1) / total)
        outputs = _bottleneck(
            blocks,
            outputs,
            filters,
            strides=2 if index in (count, 2 * count) else 1,
            survival=1 - (index + 1) / total * (1 - LAST_SURVIVAL) if shakedrop else None,
        )
    outputs = logits(blocks.normalised(outputs), num_classes)
    suffix = "_shakedrop" if shakedrop else ""
    return keras.Model(inputs, outputs, name=f"pyramidnet{depth}_a{alpha}{suffix}")


def _bottleneck(
    blocks: Blocks, inputs: Tensor, filters: int, strides: int, survival: float | None
) -> Tensor:
    outputs = blocks.normalised(inputs, activation=False)
    outputs = blocks.unit(outputs, filters, 1)
    outputs = blocks.unit(outputs, filters, 3, strides)
    outputs = blocks.last_unit(outputs, EXPANSION * filters, 1)
    if survival is not None:
        outputs = ShakeDrop(survival)(outputs)
    return layers.Add()([pooled_shortcut(inputs, EXPANSION * filters, strides), outputs])
