"""AutoAugment and RandAugment: sequences of operations on each image, chosen at random."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from keras_sam.datasets.operations import ON_IMAGENET, OPERATIONS, Magnitude, Operation

Step: TypeAlias = tuple[str, float, float]  # Operation, probability and level.
Policy: TypeAlias = Sequence[Sequence[Step]]


def _table(text: str) -> Policy:
    """Sub-policies, a line each: two of (operation, probability, level)."""
    return tuple(tuple(map(_step, line.split(","))) for line in text.strip().splitlines())


def _step(text: str) -> Step:
    name, probability, *level = text.split()  # Some operations have no magnitude.
    return name, float(probability), int(level[0]) if level else 0


# The tables of Cubuk et al. 2019, appendix: 25 sub-policies each.
CIFAR = _table("""
    Invert .1, Contrast .2 6
    Rotate .7 2, TranslateX .3 9
    Sharpness .8 1, Sharpness .9 3
    ShearY .5 8, TranslateY .7 9
    AutoContrast .5, Equalize .9
    ShearY .2 7, Posterize .3 7
    Color .4 3, Brightness .6 7
    Sharpness .3 9, Brightness .7 9
    Equalize .6, Equalize .5
    Contrast .6 7, Sharpness .6 5
    Color .7 7, TranslateX .5 8
    Equalize .3, AutoContrast .4
    TranslateY .4 3, Sharpness .2 6
    Brightness .9 6, Color .2 8
    Solarize .5 2, Invert 0
    Equalize .2, AutoContrast .6
    Equalize .2, Equalize .6
    Color .9 9, Equalize .6
    AutoContrast .8, Solarize .2 8
    Brightness .1 3, Color .7 0
    Solarize .4 5, AutoContrast .9
    TranslateY .9 9, TranslateY .7 9
    AutoContrast .9, Solarize .8 3
    Equalize .8, Invert .1
    TranslateY .7 9, AutoContrast .9
""")
SVHN = _table("""
    ShearX .9 4, Invert .2
    ShearY .9 8, Invert .7
    Equalize .6, Solarize .6 6
    Invert .9, Equalize .6
    Equalize .6, Rotate .9 3
    ShearX .9 4, AutoContrast .8
    ShearY .9 8, Invert .4
    ShearY .9 5, Solarize .2 6
    Invert .9, AutoContrast .8
    Equalize .6, Rotate .9 3
    ShearX .9 4, Solarize .3 3
    ShearY .8 8, Invert .7
    Equalize .9, TranslateY .6 6
    Invert .9, Equalize .6
    Contrast .3 3, Rotate .8 4
    Invert .8, TranslateY 0 2
    ShearY .7 6, Solarize .4 8
    Invert .6, Rotate .8 4
    ShearY .3 7, TranslateX .9 3
    ShearX .1 6, Invert .6
    Solarize .7 2, TranslateY .6 7
    ShearY .8 4, Invert .8
    ShearX .7 9, TranslateY .8 3
    ShearY .8 5, AutoContrast .7
    ShearX .7 2, Invert .1
""")
IMAGENET = _table("""
    Posterize .4 8, Rotate .6 9
    Solarize .6 5, AutoContrast .6
    Equalize .8, Equalize .6
    Posterize .6 7, Posterize .6 6
    Equalize .4, Solarize .2 4
    Equalize .4, Rotate .8 8
    Solarize .6 3, Equalize .6
    Posterize .8 5, Equalize 1
    Rotate .2 3, Solarize .6 8
    Equalize .6, Posterize .4 6
    Rotate .8 8, Color .4 0
    Rotate .4 9, Equalize .6
    Equalize 0, Equalize .8
    Invert .6, Equalize 1
    Color .6 4, Contrast 1 8
    Rotate .8 8, Color 1 2
    Color .8 8, Solarize .8 7
    Sharpness .4 7, Invert .6
    ShearX .6 5, Equalize 1
    Color .4 0, Equalize .6
    Equalize .4, Solarize .2 4
    Solarize .6 5, AutoContrast .6
    Invert .6, Equalize 1
    Color .6 4, Contrast 1 8
    Equalize .8, Equalize .6
""")
# RandAugment's operations (Cubuk et al. 2020, arXiv:1909.13719); it also has one that does nothing.
RANDOM = tuple(name for name in OPERATIONS if name != "Invert")


def policy_for(name: str) -> Policy:
    """The policy that was found on a data set, or on the most similar one.

    Args:
        name: String, the name of a `Dataset`.

    Returns:
        `CIFAR`, `SVHN` or `IMAGENET`.
    """
    return {"svhn": SVHN, "cifar10": CIFAR, "cifar100": CIFAR, "fashion_mnist": CIFAR}.get(
        name, IMAGENET
    )


def auto_augment(images: np.ndarray, generator: np.random.Generator, policy: Policy) -> np.ndarray:
    """Applies a random sub-policy to each image.

    Levels of `Posterize` and `Solarize` mean what they mean in the authors' code: for the policy
    `IMAGENET` more is left the higher they are, for all others less.

    Args:
        images: Uint8 array (batch, height, width, channels).
        generator: A `numpy.random.Generator`.
        policy: Sequence of sub-policies, each a sequence of (operation, probability, level of 0
            to 10).

    Returns:
        A new array of the same shape and dtype.

    Example:

    >>> from keras_sam.datasets.policies import CIFAR, auto_augment
    >>> images = np.zeros((4, 32, 32, 3), "uint8")
    >>> auto_augment(images, np.random.default_rng(0), CIFAR).shape
    (4, 32, 32, 3)
    """
    chosen = generator.integers(len(policy), size=len(images))
    draws = generator.random((len(images), 2, 2))
    operations = ON_IMAGENET if policy == IMAGENET else OPERATIONS
    return np.stack(
        [_applied(operations, policy[i], *rest) for i, *rest in zip(chosen, images, draws)]
    )


def rand_augment(
    images: np.ndarray, generator: np.random.Generator, steps: int = 2, level: float = 9
) -> np.ndarray:
    """Applies random operations, all of one level, to each image.

    Args:
        images: Uint8 array (batch, height, width, channels).
        generator: A `numpy.random.Generator`.
        steps: Integer, operations an image. Defaults to `2`, as for ResNet-50 in the paper.
        level: Number of 0 to 10. Defaults to `9`, as there.

    Returns:
        A new array of the same shape and dtype.
    """
    chosen = generator.integers(len(RANDOM) + 1, size=(len(images), steps))
    draws = generator.random((len(images), steps, 2))
    augmented = []
    for numbers, *rest in zip(chosen, images, draws):
        names = [RANDOM[number] for number in numbers if number < len(RANDOM)]
        steps_of_one = [(name, 1.0, level) for name in names]
        augmented.append(_applied(ON_IMAGENET, steps_of_one, *rest))
    return np.stack(augmented)


def _applied(
    operations: dict[str, tuple[Operation, Magnitude]],
    steps: Sequence[Step],
    image: np.ndarray,
    draws: np.ndarray,
) -> np.ndarray:
    """What the steps make of an image; `draws` are two uniform numbers a step."""
    for (name, probability, level), (luck, side) in zip(steps, draws):
        if luck < probability:
            operation, magnitude = operations[name]
            image = operation(image, magnitude(level, 1 if side < 0.5 else -1))
    return image
