"""The basic augmentation of small images, in NumPy on the CPU beside the training step."""

from typing import Literal

import numpy as np

PADDING: dict[str, Literal["constant", "reflect"]] = {"zeros": "constant", "reflect": "reflect"}


def shift_and_flip(
    images: np.ndarray,
    generator: np.random.Generator,
    shift: int = 4,
    flip: bool = True,
    padding: str = "zeros",
) -> np.ndarray:
    """Moves each image by a few pixels at random, and mirrors half of them.

    Moving is padding on all sides and cropping back.

    Args:
        images: Array (batch, height, width, channels).
        generator: A `numpy.random.Generator`.
        shift: Integer, the largest move along each axis. Defaults to `4`.
        flip: Boolean, whether to mirror. Defaults to `True`.
        padding: `"zeros"` as in the ResNet paper, or `"reflect"` for the image mirrored at its
            edge, as in the SAM paper's code. Defaults to `"zeros"`.

    Returns:
        A new array of the same shape and dtype.

    Example:

    >>> from keras_sam import datasets
    >>> images = np.ones((2, 8, 8, 1), "float32")
    >>> datasets.shift_and_flip(images, np.random.default_rng(0), shift=1).shape
    (2, 8, 8, 1)
    """
    batch, height, width, _ = images.shape
    around = ((0, 0), (shift, shift), (shift, shift), (0, 0))
    padded = np.pad(images, around, mode=PADDING[padding])
    corners = generator.integers(0, 2 * shift + 1, size=(2, batch, 1))
    rows, columns = corners[0] + np.arange(height), corners[1] + np.arange(width)
    if flip:
        mirrored = generator.random(batch) < 0.5
        columns[mirrored] = columns[mirrored, ::-1]
    return padded[np.arange(batch)[:, None, None], rows[:, :, None], columns[:, None, :]]


def cutout(images: np.ndarray, generator: np.random.Generator, size: int = 16) -> np.ndarray:
    """Fills a square of each image with zeros (DeVries and Taylor 2017, arXiv:1708.04552).

    The centre is anywhere in the image, so a part of the square may lie outside.

    Args:
        images: Array (batch, height, width, channels).
        generator: A `numpy.random.Generator`.
        size: Even integer, the side of the square in pixels. Defaults to `16`.

    Returns:
        A new array of the same shape and dtype.

    Example:

    >>> from keras_sam.datasets.augmentation import cutout
    >>> images = np.ones((1, 8, 8, 1), "float32")
    >>> int(images.sum() - cutout(images, np.random.default_rng(0), size=2).sum())
    4
    """
    batch, height, width, _ = images.shape
    hidden = []
    for side in (height, width):
        centres = generator.integers(0, side, size=(batch, 1))
        distances = np.arange(side) - centres
        hidden.append((distances >= -(size // 2)) & (distances < size // 2))
    squares = hidden[0][:, :, None] & hidden[1][:, None, :]
    return np.where(squares[..., None], images.dtype.type(0), images)
