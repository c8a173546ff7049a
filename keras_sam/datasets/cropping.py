"""Random parts of full-size photographs to train on, and their centres to test on."""

import numpy as np

from keras_sam.datasets.images import Photographs, resized

ATTEMPTS = 10
AREAS = 0.08, 1.0  # Shares of the photograph, and
ASPECTS = 3 / 4, 4 / 3  # width over height, of Szegedy et al. 2015, which ImageNet training uses.
CENTRE = 0.875  # 224 of 256 pixels.


def random_crops(
    photographs: Photographs,
    generator: np.random.Generator,
    size: tuple[int, int],
    flip: bool = True,
) -> np.ndarray:
    """A part of each photograph, of random area and aspect, resized; half of them mirrored.

    Args:
        photographs: Sequence of uint8 arrays (height, width, channels), of any sizes.
        generator: A `numpy.random.Generator`.
        size: Tuple (height, width) of the result, in pixels.
        flip: Boolean, whether to mirror. Defaults to `True`.

    Returns:
        Uint8 array (batch, height, width, channels).

    Example:

    >>> from keras_sam.datasets.cropping import random_crops
    >>> photographs = [np.zeros((40, 60, 3), "uint8"), np.zeros((30, 20, 3), "uint8")]
    >>> random_crops(photographs, np.random.default_rng(0), size=(16, 16)).shape
    (2, 16, 16, 3)
    """
    crops = [resized(photo, size, _random_box(photo.shape, generator)) for photo in photographs]
    images = np.stack(crops)
    if flip:
        mirrored = generator.random(len(images)) < 0.5
        images[mirrored] = images[mirrored, :, ::-1]
    return images


def _random_box(
    shape: tuple[int, ...], generator: np.random.Generator
) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a part; the whole where no random one fits."""
    height, width = shape[:2]
    areas = generator.uniform(*AREAS, ATTEMPTS) * height * width
    low, high = np.log(ASPECTS)
    aspects = np.exp(generator.uniform(low, high, ATTEMPTS))
    places = generator.random((ATTEMPTS, 2))
    widths, heights = np.rint(np.sqrt(areas * aspects)), np.rint(np.sqrt(areas / aspects))
    fits = (widths >= 1) & (heights >= 1) & (widths <= width) & (heights <= height)
    if not fits.any():
        return 0, 0, width, height
    first = fits.argmax()
    wide, high = int(widths[first]), int(heights[first])
    left = int(places[first, 0] * (width - wide + 1))
    top = int(places[first, 1] * (height - high + 1))
    return left, top, left + wide, top + high


def centre_crops(photographs: Photographs, size: tuple[int, int]) -> np.ndarray:
    """The centre of each photograph, 7/8 of the largest part that has the shape wanted.

    Args:
        photographs: Sequence of uint8 arrays (height, width, channels), of any sizes.
        size: Tuple (height, width) of the result, in pixels.

    Returns:
        Uint8 array (batch, height, width, channels).
    """
    return np.stack(
        [resized(photo, size, _central_box(photo.shape, size)) for photo in photographs]
    )


def _central_box(
    shape: tuple[int, ...], size: tuple[int, int]
) -> tuple[float, float, float, float]:
    scale = CENTRE * min(shape[0] / size[0], shape[1] / size[1])
    high, wide = scale * size[0], scale * size[1]
    left, top = (shape[1] - wide) / 2, (shape[0] - high) / 2
    return left, top, left + wide, top + high
