"""MixUp and CutMix: two images in one, and labels in the same proportion."""

import numpy as np


def mixup(
    images: np.ndarray, labels: np.ndarray, generator: np.random.Generator, alpha: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Blends each image with another one of the batch (Zhang et al. 2018, arXiv:1710.09412).

    The whole batch has one proportion, as in the authors' code.

    Args:
        images: Float array (batch, height, width, channels).
        labels: Float array (batch, classes), one-hot.
        generator: A `numpy.random.Generator`.
        alpha: Float above 0, of the Beta distribution of the proportion. Defaults to `1.0`.

    Returns:
        New images and labels.

    Example:

    >>> from keras_sam.datasets.mixing import mixup
    >>> images, labels = np.ones((4, 8, 8, 1), "float32"), np.eye(4, dtype="float32")
    >>> _, mixed = mixup(images, labels, np.random.default_rng(0))
    >>> mixed.sum(axis=1)
    array([1., 1., 1., 1.], dtype=float32)
    """
    partners = generator.permutation(len(images))
    weight = np.float32(generator.beta(alpha, alpha))
    mixed = [weight * x + (1 - weight) * x[partners] for x in (images, labels)]
    return mixed[0], mixed[1]


def cutmix(
    images: np.ndarray, labels: np.ndarray, generator: np.random.Generator, alpha: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Replaces a box of each image by that of another one (Yun et al. 2019, arXiv:1905.04899).

    The whole batch has one box, as in the authors' code; the labels follow the box's share of the
    image.

    Args:
        images: Float array (batch, height, width, channels).
        labels: Float array (batch, classes), one-hot.
        generator: A `numpy.random.Generator`.
        alpha: Float above 0, of the Beta distribution of the box's share. Defaults to `1.0`.

    Returns:
        New images and labels.
    """
    partners = generator.permutation(len(images))
    sides = images.shape[1:3]
    half = np.sqrt(generator.beta(alpha, alpha)) / 2
    rows, columns = (_interval(generator, side, half) for side in sides)
    mixed = images.copy()
    mixed[:, rows, columns] = images[partners, rows, columns]
    area = (rows.stop - rows.start) * (columns.stop - columns.start)
    share = np.float32(area / (sides[0] * sides[1]))
    return mixed, (1 - share) * labels + share * labels[partners]


def _interval(generator: np.random.Generator, side: int, half: float) -> slice:
    """A stretch around a random centre, `half` of the side to each direction, clipped."""
    centre, reach = generator.integers(side), int(half * side)
    return slice(max(0, centre - reach), min(side, centre + reach))


def mix_batch(
    images: np.ndarray,
    labels: np.ndarray,
    generator: np.random.Generator,
    kinds: tuple[str, ...],
    alpha: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Mixes a batch in one of some ways, chosen at random.

    Args:
        images: Float array (batch, height, width, channels).
        labels: Float array (batch, classes), one-hot.
        generator: A `numpy.random.Generator`.
        kinds: Tuple of `"mixup"`, `"cutmix"` or both.
        alpha: Float above 0, of the Beta distribution of the proportion.

    Returns:
        New images and labels.
    """
    mix = {"mixup": mixup, "cutmix": cutmix}[kinds[generator.integers(len(kinds))]]
    return mix(images, labels, generator, alpha)
