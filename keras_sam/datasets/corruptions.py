"""Common corruptions of images, at five strengths each, to test a trained network on.

"Benchmarking Neural Network Robustness to Common Corruptions and Perturbations" (Hendrycks and
Dietterich, 2019, arXiv:1903.12261) has fifteen. Here are the twelve that need no photographs of
weather: all but snow, frost and fog. The strengths are those of CIFAR-10-C; on images larger than
32 pixels lengths grow with them. All is computed afresh, with other random numbers and filters than
the authors', so errors are near those on their files and not the same.
"""

import io
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from keras_sam import checks
from keras_sam.checks import import_extra
from keras_sam.datasets import blurs
from keras_sam.datasets.blurs import Random

if TYPE_CHECKING:
    from PIL.Image import Image

STRENGTHS = (1, 2, 3, 4, 5)
SIDE = 32  # Pixels, of the images that the lengths below are for.


def _gaussian_noise(image: np.ndarray, deviation: float, random: Random) -> np.ndarray:
    return image + deviation * random.standard_normal(image.shape, "float32")


def _shot_noise(image: np.ndarray, photons: float, random: Random) -> np.ndarray:
    return random.poisson(image * photons) / photons


def _impulse_noise(image: np.ndarray, share: float, random: Random) -> np.ndarray:
    chances = random.random(image.shape)
    return np.where(chances < share, chances < share / 2, image)


def _brightness(image: np.ndarray, more: float, _: Random) -> np.ndarray:
    """The value of HSV is the largest channel; hue and saturation are ratios."""
    value = image.max(axis=-1, keepdims=True)
    brighter = np.minimum(value + more, 1)
    return np.where(value > 0, image * (brighter / np.maximum(value, 1e-9)), brighter)


def _contrast(image: np.ndarray, share: float, _: Random) -> np.ndarray:
    mean = image.mean(axis=(0, 1))
    return (image - mean) * share + mean


def _pixelate(image: np.ndarray, share: float, _: Random) -> np.ndarray:
    whole, box = _pillow(image), _pil().Resampling.BOX
    few = [max(1, int(side * share)) for side in whole.size]
    return _pixels(whole.resize(few, box).resize(whole.size, box), image)


def _jpeg_compression(image: np.ndarray, quality: int, _: Random) -> np.ndarray:
    file = io.BytesIO()
    _pillow(image).save(file, "JPEG", quality=quality)
    return _pixels(_pil().open(file), image)


def _pil() -> ModuleType:
    return import_extra("PIL.Image", "Pillow")


def _pillow(image: np.ndarray) -> "Image":
    whole = np.rint(255 * image).astype("uint8")
    return _pil().fromarray(whole if whole.shape[-1] == 3 else whole[:, :, 0])


def _pixels(picture: "Image", like: np.ndarray) -> np.ndarray:
    return np.asarray(picture, "float32").reshape(like.shape) / 255


class Corruption(NamedTuple):
    """One of the corruptions.

    Args:
        apply: Function of an image, the parameters of a strength and a generator.
        parameters: Tuple of five, a number or a tuple for each strength.
        lengths: Tuple of integers, which parameters are in pixels of an image of 32. Defaults to
            none.
    """

    apply: Callable[..., np.ndarray]
    parameters: tuple[float | tuple[float, ...], ...]
    lengths: tuple[int, ...] = ()

    def at(self, strength: int, side: int) -> list[float]:
        """The parameters of a strength for images of a side."""
        chosen = np.atleast_1d(self.parameters[strength - 1]).tolist()
        scale = max(side / SIDE, 1)
        return [x * scale if n in self.lengths else x for n, x in enumerate(chosen)]


# In the order of the paper's tables.
CORRUPTIONS = {
    "gaussian_noise": Corruption(_gaussian_noise, (0.04, 0.06, 0.08, 0.09, 0.1)),
    "shot_noise": Corruption(_shot_noise, (500, 250, 100, 75, 50)),
    "impulse_noise": Corruption(_impulse_noise, (0.01, 0.02, 0.03, 0.05, 0.07)),
    "defocus_blur": Corruption(
        blurs.defocused, ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)), (0,)
    ),
    "glass_blur": Corruption(
        blurs.behind_glass,
        ((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)),
        (0, 1),
    ),
    "motion_blur": Corruption(blurs.moved, ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)), (0, 1)),
    "zoom_blur": Corruption(blurs.zoomed, (1.06, 1.11, 1.16, 1.21, 1.26)),
    "brightness": Corruption(_brightness, (0.05, 0.1, 0.15, 0.2, 0.3)),
    "contrast": Corruption(_contrast, (0.75, 0.5, 0.4, 0.3, 0.15)),
    "elastic_transform": Corruption(
        blurs.stretched,
        (
            (0, 1, 2.56),  # No waves, of any width.
            (1.6, 6.4, 2.24),
            (2.56, 1.92, 1.92),
            (3.2, 1.28, 1.6),
            (3.2, 0.96, 0.96),
        ),
        (0, 1, 2),
    ),
    "pixelate": Corruption(_pixelate, (0.95, 0.9, 0.85, 0.75, 0.65)),
    "jpeg_compression": Corruption(_jpeg_compression, (80, 65, 58, 50, 40)),
}


def check(name: str, strength: int) -> None:
    """Refuses a corruption that is none.

    Raises:
        ValueError: If the name or the strength is unknown.
    """
    checks.one_of("name", name, CORRUPTIONS)
    if strength not in STRENGTHS:
        checks.refuse("strength", "an integer from 1 to 5", strength)


def corrupted(
    image: np.ndarray, name: str, strength: int, generator: np.random.Generator
) -> np.ndarray:
    """Corrupts an image.

    Args:
        image: Uint8 array (height, width, channels), of one or three channels.
        name: String, a key of `CORRUPTIONS`.
        strength: Integer from 1 to 5.
        generator: A `numpy.random.Generator`.

    Returns:
        Uint8 array of the same shape.

    Raises:
        ValueError: If the name or the strength is unknown.
        ImportError: If SciPy or Pillow is missing, where the corruption needs it.

    Example:

    >>> import numpy as np
    >>> from keras_sam.datasets.corruptions import corrupted
    >>> grey = np.full((32, 32, 3), 100, "uint8")
    >>> int(corrupted(grey, "brightness", 2, np.random.default_rng(0))[0, 0, 0])
    126
    """
    check(name, strength)
    kind = CORRUPTIONS[name]
    pixels = image.astype("float32") / np.float32(255)
    changed = kind.apply(pixels, *kind.at(strength, min(image.shape[:2])), generator)
    return np.rint(255 * np.clip(changed, 0, 1)).astype("uint8")
