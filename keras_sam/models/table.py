"""The table of named models."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import keras

from keras_sam import checks
from keras_sam.models.convnet import convnet
from keras_sam.models.pyramidnet import pyramidnet
from keras_sam.models.resnet import IMAGENET_BLOCKS, resnet, resnet_cifar
from keras_sam.models.shake_shake import shake_shake
from keras_sam.models.text_transformer import text_transformer
from keras_sam.models.vit import vit
from keras_sam.models.wide_resnet import wide_resnet

CIFAR_DEPTHS = (8, 14, 20, 26, 32, 44, 56, 110)
WIDE_RESNETS = ((16, 4), (28, 10), (40, 2), (40, 10))
# Width, depth and heads; nano, with as many weights as a ResNet-20, is of no paper.
TRANSFORMERS = {
    "nano": (64, 6, 4),
    "tiny": (192, 12, 3),
    "small": (384, 12, 6),
    "base": (768, 12, 12),
}
# The sides of a patch, which end a name: 4 pixels for CIFAR, 16 for ImageNet.
PATCHES = {"nano": (4,), "tiny": (4, 16), "small": (4, 16), "base": (16,)}
POSITIONAL = ("input_shape", "num_classes")

BUILDERS: dict[str, Callable[..., keras.Model]] = {
    "convnet": convnet,
    **{f"resnet{depth}": partial(resnet_cifar, depth) for depth in CIFAR_DEPTHS},
    **{f"resnet{depth}": partial(resnet, depth) for depth in IMAGENET_BLOCKS},
    **{
        f"wide_resnet{depth}_{width}": partial(wide_resnet, depth, width)
        for depth, width in WIDE_RESNETS
    },
    **{
        f"vit_{size}{patch}": partial(vit, patch, *TRANSFORMERS[size])
        for size, patches in PATCHES.items()
        for patch in patches
    },
    "shake_shake26_2x96d": partial(shake_shake, 26, 96),
    "pyramidnet272_a200": partial(pyramidnet, 272, 200),
    "pyramidnet272_a200_shakedrop": partial(pyramidnet, 272, 200, shakedrop=True),
    "text_transformer": text_transformer,
}


def names() -> list[str]:
    """Names of all models, in the order of the table.

    Returns:
        List of strings.

    Example:

    >>> from keras_sam import models
    >>> models.list()[:3]
    ['convnet', 'resnet8', 'resnet14']
    """
    return list(BUILDERS)


def get(name: str, input_shape: tuple[int, ...], num_classes: int, **options: Any) -> keras.Model:
    """Builds a model by its name.

    Args:
        name: String, one of `keras_sam.models.list()`.
        input_shape: Tuple of three integers, (height, width, channels); of an integer, the words
            of a text, for `text_transformer`.
        num_classes: Integer, number of logits.
        **options: What the model's builder takes besides, such as `normalization`.

    Returns:
        A `keras.Model` from images (batch, height, width, channels), or texts (batch, words), to
        float32 logits (batch, num_classes).

    Raises:
        ValueError: If the name or an option is unknown, or the shape is not that of the model.

    Example:

    >>> from keras_sam import models
    >>> models.get("resnet20", (32, 32, 3), 10, normalization="group").name
    'resnet20'
    """
    if name not in BUILDERS:
        raise ValueError(f"Unknown model: {checks.nearest(name, names())} Received: model={name!r}")
    builder = BUILDERS[name]
    for option in options:
        _check_option(name, builder, option)
    return builder(input_shape, num_classes, **options)


def _check_option(name: str, builder: Callable[..., keras.Model], option: str) -> None:
    bound = getattr(builder, "keywords", {})
    parameters = [p for p in inspect.signature(builder).parameters if p not in POSITIONAL]
    known = [parameter for parameter in parameters if parameter not in bound]
    if option not in known:
        hint = f"it has {', '.join(known)}." if known else "it has none."
        raise ValueError(f"Unknown option of {name}: {hint} Received: {option}")
