"""Data sets whose test images are not like those to train on."""

import dataclasses

import numpy as np

from keras_sam import checks
from keras_sam.datasets import corruptions
from keras_sam.datasets.corruptions import CORRUPTIONS, corrupted
from keras_sam.datasets.dataset import Dataset
from keras_sam.datasets.images import Images, Index, LazyImages, Sources


class CorruptedImages(LazyImages):
    """Images that are corrupted at each access, the same ones always in the same way.

    Args:
        images: `LazyImages`.
        name: String, a key of `keras_sam.datasets.corruptions.CORRUPTIONS`.
        strength: Integer from 1 to 5.
        seed: Integer. Defaults to `0`.

    Raises:
        ValueError: If the name or the strength is unknown.

    Example:

    >>> from keras_sam.datasets.images import LazyImages
    >>> from keras_sam.datasets.shifted import CorruptedImages
    >>> images = LazyImages(np.zeros((5, 8, 8, 3), "uint8"), size=(8, 8))
    >>> CorruptedImages(images, "brightness", 1)[:2].max()
    np.uint8(13)
    """

    def __init__(self, images: LazyImages, name: str, strength: int, seed: int = 0):
        super().__init__(images.sources, images.size, images.channels, images.positions)
        corruptions.check(name, strength)
        self.name, self.strength = name, strength
        self.seed = checks.seed("seed", seed)

    def subset(self, index: Index) -> "CorruptedImages":
        """As of `LazyImages`; an image keeps its corruption."""
        return CorruptedImages(super().subset(index), self.name, self.strength, self.seed)

    def full_size(self, index: Index) -> list[np.ndarray]:
        """As of `LazyImages`, corrupted."""
        images = zip(super().full_size(index), self.positions[index], strict=True)
        return [self._corrupted(image, position) for image, position in images]

    def _resized(self, position: int) -> np.ndarray:
        return self._corrupted(super()._resized(position), position)

    def _corrupted(self, image: np.ndarray, position: int) -> np.ndarray:
        key = (list(CORRUPTIONS).index(self.name), self.strength, int(position))
        generator = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))
        return corrupted(image, self.name, self.strength, generator)


def with_corruption(dataset: Dataset, name: str, strength: int, seed: int = 0) -> Dataset:
    """Corrupts the test images of a data set (Hendrycks and Dietterich 2019, arXiv:1903.12261).

    Args:
        dataset: A `Dataset` of images with one or three channels.
        name: String, a key of `keras_sam.datasets.corruptions.CORRUPTIONS`.
        strength: Integer from 1 to 5.
        seed: Integer. Defaults to `0`.

    Returns:
        A `Dataset` whose `x_test` are bytes, computed at each access.

    Raises:
        ValueError: If the name or the strength is unknown, or images have other channels.

    Example:

    >>> from keras_sam import datasets
    >>> noisy = datasets.with_corruption(datasets.digits(), "gaussian_noise", strength=3)
    >>> noisy.x_test[:2].shape
    (2, 8, 8, 1)
    """
    images = CorruptedImages(_lazy(dataset.x_test), name, strength, seed)
    return dataclasses.replace(dataset, x_test=images)


def _lazy(images: Images) -> LazyImages:
    if len(images.shape) != 4 or images.shape[-1] not in (1, 3):
        raise ValueError(
            "Images to corrupt must have one channel or three. "
            f"Received: images of the shape {tuple(images.shape[1:])}"
        )
    if isinstance(images, LazyImages):
        return images
    of_bytes = images if images.dtype == np.uint8 else np.rint(255 * images).astype("uint8")
    return LazyImages(of_bytes, images.shape[1:3], images.shape[-1])


def with_test_images(dataset: Dataset, other: Dataset) -> Dataset:
    """Takes the test images of another data set, at the size and with the colours of the first.

    Classes are matched by their names; the other data set need not have all of them.

    Args:
        dataset: A `Dataset`, whose training images, mean and deviation stay.
        other: A `Dataset` with the same classes.

    Returns:
        A `Dataset`.

    Raises:
        ValueError: If the other data set has a class that the first has not.

    Example:

    >>> from keras_sam import datasets
    >>> data = datasets.digits(num_train=100)
    >>> datasets.with_test_images(data, datasets.digits(num_test=50)).x_test.shape
    (50, 8, 8, 1)
    """
    ours, theirs = dataset.class_names or (), other.class_names or ()
    strange = [name for name in theirs if name not in ours]
    if strange:
        raise ValueError(
            f"{other.name} must have classes of {dataset.name} only: {', '.join(ours[:10])}"
            f"{' …' if len(ours) > 10 else ''}. Received: {', '.join(strange[:10])}"
            f"{' …' if len(strange) > 10 else ''}"
        )
    labels = np.array([ours.index(name) for name in theirs], "int32")[other.y_test]
    height, width, channels = dataset.input_shape
    lazy = _lazy(other.x_test)
    images = LazyImages(_coloured(lazy, channels), (height, width), channels, lazy.positions)
    return dataclasses.replace(dataset, x_test=images, y_test=labels)


def _coloured(images: LazyImages, channels: int) -> Sources:
    """Sources with as many channels; Pillow sees to those that it decodes."""
    sources = images.sources
    if images.channels == channels or not isinstance(sources, np.ndarray):
        return sources
    if channels == 1:
        return np.rint(sources.mean(axis=-1, keepdims=True)).astype("uint8")
    return np.repeat(sources, channels, axis=-1)
