"""Wide residual networks, as in the sharpness-aware minimization paper's code.

"Wide Residual Networks" (Zagoruyko and Komodakis, 2016), with activations before convolutions.
Where the shape changes, the shortcut averages pixels and fills new channels with zeros instead
of a 1x1 convolution, whose weights are what these networks have less than the published counts:

| network | here | published |
|---|---|---|
| 16-4 | 2,706,906 | 2.7 M |
| 40-2 | 2,232,794 | 2.2 M |
| 28-10 | 36,220,634 | 36.5 M |
| 40-10 | 55,583,194 | 55.8 M |
"""

import keras
from keras import layers

from keras_sam.models.blocks import Blocks, logits, pooled_shortcut, stages
from keras_sam.models.checks import check_depth, check_images, check_normalization
from keras_sam.tensors import Tensor


def wide_resnet(
    depth: int,
    width: int,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    normalization: str | None = "batch",
) -> keras.Model:
    """Builds the wide residual network WRN-depth-width.

    Args:
        depth: Integer, 6n + 4: 10, 16, 22, 28 or 40 for instance.
        width: Integer, factor of the channels: the stages have 16, 32 and 64 times as many.
        input_shape: Tuple of three integers, (height, width, channels). Defaults to
            `(32, 32, 3)`.
        num_classes: Integer, number of logits. Defaults to `10`.
        normalization: `"batch"`, `"group"` (8 groups), `"layer"` or `None`, for convolutions
            with a bias instead. Defaults to `"batch"`.

    Returns:
        A `keras.Model` from images (batch, height, width, channels) to float32 logits
        (batch, num_classes).

    Raises:
        ValueError: If the depth is not 6n + 4, the normalisation is unknown, or the shape is
            not that of images.

    Example:

    >>> from keras_sam import models
    >>> models.wide_resnet(10, 1).count_params() < 100_000
    True
    """
    count = check_depth("wide ResNet", depth, 6, 4)
    check_images(input_shape, num_classes)
    blocks = Blocks(check_normalization(normalization), branches=3 * count)
    inputs = keras.Input(input_shape)
    first = blocks.normalised(blocks.convolution(inputs, 16, 3))

    def block(outputs: Tensor, filters: int, strides: int) -> Tensor:
        # The very first activation is the shortcut's too.
        return _block(blocks, outputs, filters, strides, activated=outputs is first)

    outputs = stages(first, block, (16 * width, 32 * width, 64 * width), (count, count, count))
    outputs = logits(blocks.normalised(outputs), num_classes)
    return keras.Model(inputs, outputs, name=f"wide_resnet{depth}_{width}")


def _block(blocks: Blocks, inputs: Tensor, filters: int, strides: int, activated: bool) -> Tensor:
    outputs = inputs if activated else blocks.normalised(inputs)
    outputs = blocks.normalised(blocks.convolution(outputs, filters, 3, strides))
    outputs = blocks.convolution(outputs, filters, 3, ends_branch=True)
    return layers.Add()([pooled_shortcut(inputs, filters, strides), outputs])
