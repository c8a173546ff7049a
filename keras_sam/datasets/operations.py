"""The operations of AutoAugment and RandAugment, on one image of bytes.

Each takes a uint8 array (height, width, channels) and a magnitude and returns another one. The
ranges are those of AutoAugment's authors (Cubuk et al. 2019, arXiv:1805.09501, and their code for
CIFAR): a level of 0 to 10 is a part of the largest magnitude. `ON_IMAGENET` has those of the
authors' code for ImageNet and RandAugment.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from keras_sam.checks import import_extra

Operation: TypeAlias = Callable[[np.ndarray, Any], np.ndarray]  # Of an image and a magnitude.
Magnitude: TypeAlias = Callable[[float, float], float | None]  # From a level and a sign.

HIGHEST_LEVEL = 10
GREYS = np.arange(256)


def auto_contrast(image: np.ndarray, _: None) -> np.ndarray:
    """Stretches each channel to the whole range."""
    return _by_tables(image, _stretching)


def equalize(image: np.ndarray, _: None) -> np.ndarray:
    """Gives each channel all greys alike."""
    return _by_tables(image, _flattening)


def _by_tables(
    image: np.ndarray, tables_for: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> np.ndarray:
    """Replaces the values of each channel by those of a table for its histogram."""
    # Pillow makes such tables in loops of Python, which would hold up the other threads.
    channels = image.shape[2]
    places = image + 256 * np.arange(channels)  # In the tables of all channels, end to end.
    histograms = np.bincount(places.ravel(), minlength=256 * channels).reshape(channels, 256)
    highest = 255 - (histograms[:, ::-1] > 0).argmax(1, keepdims=True)
    return tables_for(histograms, highest).astype("uint8").ravel()[places]


def _stretching(histograms: np.ndarray, highest: np.ndarray) -> np.ndarray:
    lowest = (histograms > 0).argmax(1, keepdims=True)
    scale = 255.0 / np.maximum(highest - lowest, 1)
    stretched = np.clip(GREYS * scale - lowest * scale, 0, 255)
    return np.where(highest > lowest, stretched, GREYS)


def _flattening(histograms: np.ndarray, highest: np.ndarray) -> np.ndarray:
    others = histograms.sum(1, keepdims=True) - np.take_along_axis(histograms, highest, 1)
    step = others // 255
    below = np.cumsum(histograms, axis=1) - histograms
    flattened = np.minimum((step // 2 + below) // np.maximum(step, 1), 255)
    return np.where(step > 0, flattened, GREYS)


def invert(image: np.ndarray, _: None) -> np.ndarray:
    """The negative."""
    return 255 - image


def posterize(image: np.ndarray, bits: int) -> np.ndarray:
    """Keeps the highest bits of each value.

    Example:

    >>> from keras_sam.datasets.operations import posterize
    >>> posterize(np.array([[[100, 200, 255]]], "uint8"), 2)
    array([[[ 64, 192, 192]]], dtype=uint8)
    """
    return image & np.uint8(256 - 2 ** (8 - bits))


def solarize(image: np.ndarray, threshold: int) -> np.ndarray:
    """The negative of each value that reaches the threshold."""
    return np.where(image < threshold, image, 255 - image)


def _enhance(kind: str) -> Operation:
    def enhanced(image: np.ndarray, factor: float) -> np.ndarray:
        if kind == "Color" and image.shape[2] == 1:
            return image.copy()
        enhancer = getattr(import_extra("PIL.ImageEnhance", "Pillow"), kind)
        return _with_pillow(image, lambda picture: enhancer(picture).enhance(factor))

    return enhanced


def _with_pillow(image: np.ndarray, change: Callable[[Any], Any]) -> np.ndarray:
    picture = import_extra("PIL.Image", "Pillow").fromarray(
        image if image.shape[2] == 3 else image[:, :, 0]
    )
    return np.array(change(picture)).reshape(image.shape)


def rotate(image: np.ndarray, degrees: float) -> np.ndarray:
    """Turns against the clock; what is left empty is black."""
    return _with_pillow(image, lambda picture: picture.rotate(degrees))


def _moved(image: np.ndarray, *coefficients: float) -> np.ndarray:
    """Where each pixel comes from: column a x + b y + c, row d x + e y + f."""
    affine = import_extra("PIL.Image", "Pillow").Transform.AFFINE
    return _with_pillow(
        image, lambda picture: picture.transform(picture.size, affine, coefficients)
    )


def shear_x(image: np.ndarray, factor: float) -> np.ndarray:
    """Moves each row by `factor` of its number."""
    return _moved(image, 1, factor, 0, 0, 1, 0)


def shear_y(image: np.ndarray, factor: float) -> np.ndarray:
    """Moves each column by `factor` of its number."""
    return _moved(image, 1, 0, 0, factor, 1, 0)


def translate_x(image: np.ndarray, share: float) -> np.ndarray:
    """Moves to the left by whole pixels, a share of the width."""
    return _moved(image, 1, 0, int(share * image.shape[1]), 0, 1, 0)


def translate_y(image: np.ndarray, share: float) -> np.ndarray:
    """Moves up by whole pixels, a share of the height."""
    return _moved(image, 1, 0, 0, 0, 1, int(share * image.shape[0]))


def _signed(largest: float) -> Magnitude:
    return lambda level, sign: sign * largest * level / HIGHEST_LEVEL


def _factor(level: float, _: float) -> float:
    return 0.1 + 1.8 * level / HIGHEST_LEVEL


# Name of the paper: the operation, and its magnitude from a level and a sign.
OPERATIONS: dict[str, tuple[Operation, Magnitude]] = {
    "ShearX": (shear_x, _signed(0.3)),
    "ShearY": (shear_y, _signed(0.3)),
    "TranslateX": (translate_x, _signed(10 / 32)),  # 10 pixels on CIFAR.
    "TranslateY": (translate_y, _signed(10 / 32)),
    "Rotate": (rotate, _signed(30)),
    "AutoContrast": (auto_contrast, lambda level, _: None),
    "Invert": (invert, lambda level, _: None),
    "Equalize": (equalize, lambda level, _: None),
    "Solarize": (solarize, lambda level, _: 256 - int(256 * level / HIGHEST_LEVEL)),
    "Posterize": (posterize, lambda level, _: 4 - int(4 * level / HIGHEST_LEVEL)),
    "Contrast": (_enhance("Contrast"), _factor),
    "Color": (_enhance("Color"), _factor),
    "Brightness": (_enhance("Brightness"), _factor),
    "Sharpness": (_enhance("Sharpness"), _factor),
}
# There the authors count these two the other way round: a high level changes less.
ON_IMAGENET = OPERATIONS | {
    "Solarize": (solarize, lambda level, _: int(256 * level / HIGHEST_LEVEL)),
    "Posterize": (posterize, lambda level, _: int(4 * level / HIGHEST_LEVEL)),
}
