"""What residual networks are made of: convolutions, normalisation, shortcuts and the head.

Initial values and normalisation are those of the sharpness-aware minimization paper's code:
Kaiming-normal convolutions (fan out), batch normalisation with momentum 0.9 and epsilon 1e-5,
and a head that is uniform in +-1/sqrt(num_classes).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import keras
from keras import layers

from keras_sam.tensors import Tensor

Block: TypeAlias = Callable[[Tensor, int, int], Tensor]  # Of filters and strides.

MOST_GROUPS = 8


@dataclass(frozen=True)
class Blocks:
    """How a network convolves and normalises.

    Without normalisation every convolution has a bias, and the one that ends a residual branch
    starts smaller by the square root of the number of branches: their sum keeps its size at any
    depth ("Stable ResNet", Hayou et al., 2021), where it would double with each branch.

    Args:
        normalization: `"batch"`, `"group"` (8 groups, or as many as 8 and the channels have as
            their greatest common divisor), `"layer"` (over the channels of each pixel) or `None`.
        branches: Integer, number of residual branches of the network.
    """

    normalization: str | None
    branches: int

    def convolution(
        self, inputs: Tensor, filters: int, size: int, strides: int = 1, ends_branch: bool = False
    ) -> Tensor:
        """A convolution alone, padded alike on both sides."""
        if strides > 1 and size > 1:
            # As in the papers' code; "same" would shift strided windows.
            inputs = layers.ZeroPadding2D(size // 2)(inputs)
        unchecked = ends_branch and self.normalization is None
        return layers.Conv2D(
            filters,
            size,
            strides=strides,
            padding="valid" if strides > 1 else "same",
            use_bias=self.normalization is None,
            kernel_initializer=kaiming_normal(1 / self.branches if unchecked else 1.0),
        )(inputs)

    def normalised(self, inputs: Tensor, activation: bool = True) -> Tensor:
        """Normalisation, if the network has one, and ReLU where wanted."""
        outputs = inputs
        if self.normalization == "batch":
            outputs = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(inputs)
        elif self.normalization == "group":
            groups = math.gcd(MOST_GROUPS, inputs.shape[-1])
            outputs = layers.GroupNormalization(groups, epsilon=1e-5)(inputs)
        elif self.normalization == "layer":
            outputs = layers.LayerNormalization(epsilon=1e-5)(inputs)
        return layers.ReLU()(outputs) if activation else outputs

    def unit(self, inputs: Tensor, filters: int, size: int, strides: int = 1) -> Tensor:
        """Convolution, normalisation and ReLU."""
        return self.normalised(self.convolution(inputs, filters, size, strides))

    def last_unit(self, inputs: Tensor, filters: int, size: int) -> Tensor:
        """The convolution that ends a residual branch, and its normalisation."""
        outputs = self.convolution(inputs, filters, size, ends_branch=True)
        return self.normalised(outputs, activation=False)

    def projected_shortcut(self, inputs: Tensor, filters: int, strides: int) -> Tensor:
        """Option B: a 1x1 convolution wherever the shape changes."""
        if strides == 1 and inputs.shape[-1] == filters:
            return inputs
        return self.normalised(self.convolution(inputs, filters, 1, strides), activation=False)


def kaiming_normal(factor: float = 1.0) -> keras.initializers.Initializer:
    """Normal initial values whose variance is `2 * factor / fan_out`."""
    return keras.initializers.VarianceScaling(
        2.0 * factor, mode="fan_out", distribution="untruncated_normal"
    )


def subsampled_shortcut(inputs: Tensor, filters: int, strides: int) -> Tensor:
    """Option A: subsample, then fill the new channels with zeros; no parameters."""
    outputs = inputs
    if strides > 1:
        outputs = layers.AveragePooling2D(1, strides=strides)(outputs)
    return _filled(outputs, filters)


def pooled_shortcut(inputs: Tensor, filters: int, strides: int) -> Tensor:
    """Average pooling, then new channels of zeros; no parameters."""
    outputs = inputs
    if strides > 1:
        outputs = layers.AveragePooling2D(strides, padding="same")(outputs)
    return _filled(outputs, filters)


def _filled(inputs: Tensor, filters: int) -> Tensor:
    missing = filters - inputs.shape[-1]
    if not missing:
        return inputs
    # Keras pads the last two axes of images that have their channels first: here the columns and
    # the channels. Had these to change places for it, PyTorch would lay out all that follows anew.
    padding = (0, 0), (missing // 2, missing - missing // 2)
    return layers.ZeroPadding2D(padding, data_format="channels_first")(inputs)


def stages(inputs: Tensor, block: Block, widths: Sequence[int], counts: Sequence[int]) -> Tensor:
    """Blocks of each stage in a row; the first block of all stages but the first has stride 2.

    Args:
        inputs: Keras tensor of shape (batch, height, width, channels).
        block: Function from a tensor, its filters and its strides to a tensor.
        widths: Filters of each stage.
        counts: Number of blocks of each stage.
    """
    outputs = inputs
    for stage, (filters, count) in enumerate(zip(widths, counts, strict=True)):
        for index in range(count):
            outputs = block(outputs, filters, 2 if stage > 0 and index == 0 else 1)
    return outputs


def logits(inputs: Tensor, num_classes: int) -> Tensor:
    """The head: global average pooling and a dense layer."""
    return dense_logits(layers.GlobalAveragePooling2D()(inputs), num_classes)


def dense_logits(features: Tensor, num_classes: int, starts_at_zero: bool = False) -> Tensor:
    """A dense layer named logits, zero or uniform in +-1/sqrt(num_classes)."""
    limit = num_classes**-0.5
    uniform = keras.initializers.RandomUniform(-limit, limit)
    # In float32 also under a mixed policy: half precision is too coarse for logits.
    return layers.Dense(
        num_classes,
        kernel_initializer="zeros" if starts_at_zero else uniform,
        dtype="float32",
        name="logits",
    )(features)
