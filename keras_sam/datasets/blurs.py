"""Corruptions that move pixels: blurs of a lens, of glass and of motion, and elastic waves.

Each takes a float image (height, width, channels) in [0, 1], its strength's parameters with lengths
in pixels, and a `numpy.random.Generator`, and returns another image, which may leave [0, 1].
"""

from types import ModuleType
from typing import TypeAlias

import numpy as np

from keras_sam.checks import import_extra
from keras_sam.datasets.images import resized

Random: TypeAlias = np.random.Generator
ZOOM_STEP = 0.01


def _filters() -> ModuleType:
    return import_extra("scipy.ndimage", "scipy")


def blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    """An image behind a Gaussian filter.

    >>> from keras_sam.datasets.blurs import blurred
    >>> edge = np.array([0, 0, 100, 100], "float32")[None, :, None]
    >>> blurred(edge, 0.5)[0, :, 0].astype(int).tolist()
    [0, 10, 89, 99]
    """
    return _filters().gaussian_filter(image, (sigma, sigma, 0), mode="nearest")


def defocused(image: np.ndarray, radius: float, softness: float, _: Random) -> np.ndarray:
    """Each point becomes a disk, whose edge is smoothed a little."""
    half = int(radius) + 1
    offsets = np.arange(-half, half + 1)
    disk = (offsets[:, None] ** 2 + offsets**2 <= radius**2).astype("float32")
    kernel = _filters().gaussian_filter(disk, softness, mode="constant", radius=1)
    kernel /= kernel.sum()
    return _filters().convolve(image, kernel[:, :, None], mode="mirror")


def behind_glass(
    image: np.ndarray, sigma: float, reach: float, rounds: float, random: Random
) -> np.ndarray:
    """Each pixel is taken from a neighbour, between two blurs."""
    image = blurred(image, sigma)
    for _ in range(int(rounds)):
        image = _scattered(image, round(reach), random)
    return blurred(image, sigma)


def _scattered(image: np.ndarray, reach: int, random: Random) -> np.ndarray:
    # As in the authors' code: up to `reach` back, and one less ahead.
    moves = random.integers(-reach, reach, (2, *image.shape[:2]))
    rows, columns = (
        np.clip(places + move, 0, side - 1)
        for places, move, side in zip(np.indices(image.shape[:2]), moves, image.shape, strict=False)
    )
    return image[rows, columns]


def moved(image: np.ndarray, reach: float, sigma: float, random: Random) -> np.ndarray:
    """A trail that fades, along a line within 45 degrees of the horizontal."""
    height, width, _ = image.shape
    angle = random.uniform(-np.pi / 4, np.pi / 4)
    steps = np.arange(2 * round(reach) + 1)
    weights = np.exp(-0.5 * (steps / sigma) ** 2)
    margin = len(steps)
    padded = np.pad(image, ((margin, margin), (margin, margin), (0, 0)), mode="edge")
    rows = margin + np.rint(steps * np.sin(angle)).astype(int)
    columns = margin + np.rint(steps * np.cos(angle)).astype(int)
    trail = np.zeros_like(image)
    for weight, row, column in zip(weights / weights.sum(), rows, columns, strict=True):
        trail += np.float32(weight) * padded[row : row + height, column : column + width]
    return trail


def zoomed(image: np.ndarray, largest: float, _: Random) -> np.ndarray:
    """The mean over enlargements from 1 to `largest`, the image itself counting once more."""
    height, width, _ = image.shape
    factors = 1 + np.arange(round((largest - 1) / ZOOM_STEP)) * ZOOM_STEP
    whole = np.rint(255 * image).astype("uint8")
    total = image.astype("float32")
    for factor in factors:
        left, top = width * (1 - 1 / factor) / 2, height * (1 - 1 / factor) / 2
        part = resized(whole, (height, width), (left, top, width - left, height - top))
        total = total + part / np.float32(255)
    return total / (len(factors) + 1)


def stretched(
    image: np.ndarray, height: float, sigma: float, jitter: float, random: Random
) -> np.ndarray:
    """A random affine map, and waves of a height and a width on top."""
    shape = image.shape[:2]
    waves = [_wave(shape, height, sigma, random) for _ in shape]
    points = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij")) + np.array(waves)
    affine = _affine(shape, jitter, random)
    places = np.tensordot(affine[:, :2], points, 1) + affine[:, 2, None, None]
    channels = [
        _filters().map_coordinates(plane, places, order=1, mode="mirror")
        for plane in image.transpose(2, 0, 1)
    ]
    return np.stack(channels, axis=-1)


def _wave(shape: tuple[int, ...], height: float, sigma: float, random: Random) -> np.ndarray:
    noise = random.uniform(-1, 1, shape)
    return height * _filters().gaussian_filter(noise, sigma, mode="reflect", truncate=3)


def _affine(shape: tuple[int, ...], jitter: float, random: Random) -> np.ndarray:
    """The map (2, 3) that moves three corners of a square in the middle by up to `jitter`."""
    centre, half = np.array(shape) // 2, min(shape) // 3
    corners = centre + half * np.array([(1, 1), (1, -1), (-1, -1)])
    targets = corners + random.uniform(-jitter, jitter, corners.shape)
    return np.linalg.solve(np.column_stack([corners, np.ones(3)]), targets).T
