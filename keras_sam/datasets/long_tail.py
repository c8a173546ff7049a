"""Training sets in which some classes have many images and others few."""

import dataclasses

import numpy as np

from keras_sam import checks
from keras_sam.datasets.dataset import Dataset
from keras_sam.datasets.images import selected


def with_imbalance(dataset: Dataset, factor: float = 100.0, seed: int = 0) -> Dataset:
    """Keeps ever fewer training images from the first class to the last.

    Class k of K keeps `n * factor ** (-k / (K - 1))` images, rounded down, of the n that a class
    has on average (Cui et al. 2019, arXiv:1901.05555; the exponential profile). The test images
    stay as they are. Call it after `holdout`, so that held-out images are balanced, and before
    `with_label_noise`, so that as large a share as was asked for is wrong.

    Args:
        dataset: A `Dataset`.
        factor: Float of at least 1, how many times as many images the first class keeps as the
            last. Defaults to `100.0`.
        seed: Integer, which images of a class. Defaults to `0`.

    Returns:
        A `Dataset`. A class that has fewer images than its share keeps all, and none loses all.

    Raises:
        ValueError: If the factor is below 1 or no number.

    Example:

    >>> from keras_sam import datasets
    >>> data = datasets.with_imbalance(datasets.digits(num_train=1000), factor=10)
    >>> np.bincount(data.y_train).tolist()
    [100, 77, 59, 46, 35, 27, 21, 16, 12, 10]
    """
    if not checks.is_number(factor) or factor < 1:
        checks.refuse("factor", "a number of at least 1", factor)
    clean = np.asarray(dataset.y_train_clean)
    sizes = _sizes(len(clean), dataset.num_classes, factor)
    order = np.random.default_rng(checks.seed("seed", seed)).permutation(len(clean))
    members = [order[clean[order] == label][:size] for label, size in enumerate(sizes)]
    kept = np.sort(np.concatenate(members))
    return dataclasses.replace(
        dataset,
        x_train=selected(dataset.x_train, kept),
        y_train=dataset.y_train[kept],
        y_train_clean=clean[kept],
    )


def _sizes(examples: int, classes: int, factor: float) -> np.ndarray:
    shares = factor ** -(np.arange(classes) / (classes - 1))
    # A whisker more, as 100 / 10 may be 9.999… in floats.
    return np.maximum(np.floor(examples / classes * shares + 1e-9), 1).astype(int)


def described(dataset: Dataset) -> str:
    """How many training images each class has, in words, before any noise.

    Args:
        dataset: A `Dataset`.

    Returns:
        String; of more than twenty classes the first and the last three are named.

    Example:

    >>> from keras_sam import datasets
    >>> from keras_sam.datasets import long_tail
    >>> long_tail.described(datasets.digits(num_train=30))
    '0 3, 1 3, 2 3, 3 3, 4 3, 5 3, 6 3, 7 3, 8 3, 9 3'
    """
    labels = np.asarray(dataset.y_train_clean)
    counts = np.bincount(labels, minlength=dataset.num_classes)
    names = dataset.class_names or ()
    words = [f"{name} {count}" for name, count in zip(names, counts, strict=True)]
    return ", ".join(words if len(words) <= 20 else [*words[:3], "…", *words[-3:]])
