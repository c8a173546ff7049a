"""Scikit-learn's scanned digits: real handwriting that comes with the package, no download."""

from pathlib import Path

import numpy as np

from keras_sam.checks import import_extra
from keras_sam.datasets.checking import size_of
from keras_sam.datasets.dataset import Dataset
from keras_sam.datasets.selection import balanced

TEST_IMAGES = 500
SPLIT_SEED = 0


def digits(
    data_dir: str | Path | None = None,
    num_train: int | None = None,
    num_test: int | None = None,
    image_size: int | tuple[int, int] | None = None,
) -> Dataset:
    """Loads 1,797 digits of 8x8 pixels in ten classes, 1,297 to train on and 500 to test on.

    The split is always the same, and balanced over the classes.

    Args:
        data_dir: Not needed, and ignored: the images come with scikit-learn.
        num_train: Integer, how many training images to keep, class-balanced. Defaults to all.
        num_test: Integer, how many test images to keep, class-balanced. Defaults to all.
        image_size: `None` or `8`; digits are not resized. Defaults to `None`.

    Returns:
        A `Dataset` with images (examples, 8, 8, 1) in [0, 1].

    Raises:
        ImportError: If scikit-learn is missing.
        ValueError: If more images are asked for than there are, or another size.

    Example:

    >>> from keras_sam import datasets
    >>> datasets.digits(num_train=100).x_train.shape
    (100, 8, 8, 1)
    """
    if size_of(image_size) not in (None, (8, 8)):
        raise ValueError(
            f"digits have 8x8 pixels: leave image_size out. Received: image_size={image_size}"
        )
    source = import_extra("sklearn.datasets", "scikit-learn").load_digits()
    # Writers follow each other in the file: shuffle, so that both parts see all of them.
    order = np.random.default_rng(SPLIT_SEED).permutation(len(source.target))
    images = (source.images[order, :, :, None] / 16.0).astype("float32")
    labels = source.target[order].astype("int32")
    test = balanced(labels, TEST_IMAGES)
    train = np.setdiff1d(np.arange(len(labels)), test)
    train = train[balanced(labels[train], num_train)]
    test = test[balanced(labels[test], num_test)]
    parts = images[train], labels[train], images[test], labels[test]
    # One pixel of eight is a large step already, and mirrored digits are not digits.
    return Dataset(*parts, num_classes=10, name="digits", shift=1, flip=False)
