"""The table of named models."""

from functools import partial

from keras_sam import checks
from keras_sam.models.convnet import convnet
from keras_sam.models.resnet import resnet18, resnet50, resnet_cifar

CIFAR_DEPTHS = (8, 14, 20, 32, 44, 56)

BUILDERS = {
    "convnet": convnet,
    **{f"resnet{depth}": partial(resnet_cifar, depth) for depth in CIFAR_DEPTHS},
    "resnet18": resnet18,
    "resnet50": resnet50,
}


def names():
    """Names of all models, in the order of the table.

    Returns:
        List of strings.

    Example:

    >>> from keras_sam import models
    >>> models.list()[:3]
    ['convnet', 'resnet8', 'resnet14']
    """
    return list(BUILDERS)


def get(name, input_shape, num_classes):
    """Builds a model by its name.

    Args:
        name: String, one of `keras_sam.models.list()`.
        input_shape: Tuple of three integers, (height, width, channels).
        num_classes: Integer, number of logits.

    Returns:
        A `keras.Model` from images (batch, height, width, channels) to float32 logits
        (batch, num_classes).

    Raises:
        ValueError: If the name is unknown, or the shape is not that of images.

    Example:

    >>> from keras_sam import models
    >>> models.get("resnet20", (32, 32, 3), 10).name
    'resnet20'
    """
    if name not in BUILDERS:
        raise ValueError(f"Unknown model: {checks.nearest(name, names())} Received: model={name!r}")
    return BUILDERS[name](input_shape, num_classes)
