"""What each architecture of `keras.applications` does to images, as plain Keras layers.

Keras documents it as the `preprocess_input` of each module; here the layers are part of the
model, so that every model takes values in [0, 255].
"""

import re
from collections.abc import Callable
from typing import TypeAlias

from keras import layers, ops

from keras_sam.tensors import Tensor

Scaling: TypeAlias = Callable[[Tensor], Tensor]

RGB_MEAN = (0.485, 0.456, 0.406)
RGB_DEVIATION = (0.229, 0.224, 0.225)
BGR_MEAN = (103.939, 116.779, 123.68)

# The first pattern that the beginning of a name matches; [-1, 1] where none does.
WITHIN_THE_NETWORK = re.compile("efficientnet|mobilenetv3|convnext")
STANDARDISED = re.compile("densenet")
BLUE_FIRST = re.compile(r"vgg|resnet\d+$")


def scaling_of(key: str, channels: int) -> Scaling:
    """The function that scales images from [0, 255] as an architecture expects them.

    Args:
        key: String, the architecture's name in small letters without underscores.
        channels: Integer. The means of colours are known for 3 only; images with another number
            of channels are scaled to [-1, 1].

    Returns:
        Function from a Keras tensor to a Keras tensor.

    Example:

    >>> import numpy as np
    >>> [float(value) for value in scaling_of("mobilenet", 3)(np.array([0.0, 255.0]))]
    [-1.0, 1.0]
    """
    if WITHIN_THE_NETWORK.match(key):
        return _unchanged
    if channels == len(RGB_MEAN) and STANDARDISED.match(key):
        return standardised
    if channels == len(RGB_MEAN) and BLUE_FIRST.match(key):
        return _centred_with_blue_first
    return layers.Rescaling(1 / 127.5, offset=-1.0)


def standardised(images: Tensor) -> Tensor:
    """Colours with mean 0 and deviation 1 over ImageNet."""
    scale = [1 / (255 * deviation) for deviation in RGB_DEVIATION]
    pairs = zip(RGB_MEAN, RGB_DEVIATION, strict=True)
    return layers.Rescaling(scale, [-mean / deviation for mean, deviation in pairs])(images)


def _unchanged(images: Tensor) -> Tensor:
    return images


def _centred_with_blue_first(images: Tensor) -> Tensor:
    return layers.Rescaling(1.0, [-mean for mean in BGR_MEAN])(ops.flip(images, axis=-1))
