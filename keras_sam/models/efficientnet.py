"""EfficientNets of any width and depth, L2 above all, which Keras does not have.

"EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks" (Tan and Le, 2019),
table 1, with the squeeze-and-excitation, swish and stochastic depth of its code. L2 is that of
"Self-training with Noisy Student improves ImageNet classification" (Xie et al., 2020).
"""

import math
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from keras_sam.models.blocks import kaiming_normal
from keras_sam.models.scaling import RGB_MEAN, standardised
from keras_sam.tensors import Tensor

LEAST_SIZE = 32
DIVISOR = 8
DEPTH_DROP = 0.2
L2 = {"width": 4.3, "depth": 5.3}


@dataclass(frozen=True)
class Stage:
    """A row of the paper's table: blocks of one kind, the first of which has the stride."""

    size: int
    count: int
    filters: int
    expansion: int
    strides: int


STAGES = (
    Stage(3, 1, 16, 1, 1),
    Stage(3, 2, 24, 6, 2),
    Stage(5, 2, 40, 6, 2),
    Stage(3, 3, 80, 6, 2),
    Stage(5, 3, 112, 6, 1),
    Stage(5, 4, 192, 6, 2),
    Stage(3, 1, 320, 6, 1),
)


def efficientnet(
    width: float,
    depth: float,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    name: str | None = None,
) -> keras.Model:
    """Builds an EfficientNet without its top, with its own scaling of the input.

    Its layers have the names that they have in `keras.applications`.

    Args:
        width: Float, factor of the channels: 1.0 for B0, 4.3 for L2.
        depth: Float, factor of the number of blocks: 1.0 for B0, 5.3 for L2.
        input_shape: Tuple of three integers, (height, width, channels), of 32 pixels at least.
            Defaults to `(224, 224, 3)`.
        name: String, name of the model. Defaults to `None`, one that Keras finds.

    Returns:
        A `keras.Model` from images (batch, height, width, channels) with values in [0, 255] to
        features (batch, height / 32, width / 32, 1280 * width).

    Raises:
        ValueError: If the images are too small.

    Example:

    >>> from keras_sam import models
    >>> models.efficientnet(0.25, 0.25, (32, 32, 3)).output_shape
    (None, 1, 1, 320)
    """
    check_size(input_shape)
    inputs = keras.Input(input_shape)
    outputs = _unit(_scaled(inputs), "stem_", round_filters(32, width), 3, 2)
    counts = [math.ceil(stage.count * depth) for stage in STAGES]
    index = 0
    for number, (stage, count) in enumerate(zip(STAGES, counts, strict=True), start=1):
        filters = round_filters(stage.filters, width)
        for position in range(count):
            block = f"block{number}{chr(ord('a') + position)}_"
            strides = stage.strides if position == 0 else 1
            drop = DEPTH_DROP * index / sum(counts)
            outputs = _block(outputs, block, stage, filters, strides, drop)
            index += 1
    return keras.Model(inputs, _unit(outputs, "top_", round_filters(1280, width), 1), name=name)


def check_size(input_shape: tuple[int, int, int]) -> None:
    """Refuses images that the five halvings of an EfficientNet would leave nothing of."""
    if min(input_shape[:2]) < LEAST_SIZE:
        raise ValueError(
            f"An EfficientNet halves its images five times, so they must have at least "
            f"{LEAST_SIZE} pixels on each side: enlarge them. Received: input_shape={input_shape}"
        )


def round_filters(filters: int, width: float) -> int:
    """`filters * width` as the nearest multiple of 8, and not below by more than a tenth.

    Example:

    >>> round_filters(32, 4.3)
    136
    """
    wanted = filters * width
    rounded = max(DIVISOR, int(wanted + DIVISOR / 2) // DIVISOR * DIVISOR)
    return rounded if rounded >= 0.9 * wanted else rounded + DIVISOR


def _scaled(inputs: Tensor) -> Tensor:
    if inputs.shape[-1] == len(RGB_MEAN):
        return standardised(inputs)
    return layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)


def _block(
    inputs: Tensor, name: str, stage: Stage, filters: int, strides: int, drop: float
) -> Tensor:
    """An inverted bottleneck; a shortcut where the shape stays."""
    channels = inputs.shape[-1]
    outputs = inputs
    if stage.expansion > 1:
        outputs = _unit(outputs, f"{name}expand_", channels * stage.expansion, 1)
    outputs = _padded(outputs, stage.size, strides)
    outputs = layers.DepthwiseConv2D(
        stage.size,
        strides=strides,
        padding="same" if strides == 1 else "valid",
        use_bias=False,
        depthwise_initializer=kaiming_normal(),
        name=f"{name}dwconv",
    )(outputs)
    outputs = _normalized(outputs, name)
    outputs = _excited(outputs, f"{name}se_", max(1, channels // 4))
    outputs = _convolution(outputs, f"{name}project_conv", filters, 1)
    outputs = layers.BatchNormalization(name=f"{name}project_bn")(outputs)
    if strides > 1 or channels != filters:
        return outputs
    if drop > 0:
        shape = (None, 1, 1, 1)
        outputs = layers.Dropout(drop, noise_shape=shape, name=f"{name}drop")(outputs)
    # The shortcut first: Keras follows it first, and would else recurse too deeply for L2.
    return layers.Add(name=f"{name}add")([inputs, outputs])


def _excited(inputs: Tensor, name: str, squeezed: int) -> Tensor:
    """Squeeze and excitation: channels weighted by what the whole image holds."""
    weights = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}squeeze")(inputs)
    weights = _convolution(weights, f"{name}reduce", squeezed, 1, True, activation="swish")
    channels = inputs.shape[-1]
    weights = _convolution(weights, f"{name}expand", channels, 1, True, activation="sigmoid")
    return layers.Multiply(name=f"{name}excite")([inputs, weights])


def _unit(inputs: Tensor, name: str, filters: int, size: int, strides: int = 1) -> Tensor:
    padded = _padded(inputs, size, strides)
    outputs = _convolution(padded, f"{name}conv", filters, size, strides=strides)
    return _normalized(outputs, name)


def _normalized(inputs: Tensor, name: str) -> Tensor:
    outputs = layers.BatchNormalization(name=f"{name}bn")(inputs)
    return layers.Activation("swish", name=f"{name}activation")(outputs)


def _convolution(
    inputs: Tensor, name: str, filters: int, size: int, use_bias: bool = False, **arguments: Any
) -> Tensor:
    strided = arguments.get("strides", 1) > 1
    return layers.Conv2D(
        filters,
        size,
        padding="valid" if strided else "same",
        use_bias=use_bias,
        kernel_initializer=kaiming_normal(),
        name=name,
        **arguments,
    )(inputs)


def _padded(inputs: Tensor, size: int, strides: int) -> Tensor:
    if strides == 1:
        return inputs
    # As the weights of ImageNet expect it: of an even image one pixel less at the start.
    half = size // 2
    edges = [(half - (1 - length % 2), half) for length in inputs.shape[1:3]]
    return layers.ZeroPadding2D(tuple(edges))(inputs)
