"""Which class is easily taken for which, for noise that depends on the class."""

import numpy as np

from keras_sam.datasets.dataset import Dataset

# Truck for automobile, bird for airplane, deer for horse, cat and dog for each other.
CIFAR10 = {9: 1, 2: 0, 4: 7, 3: 5, 5: 3}
# The superclass of each of the hundred classes, as in the coarse labels of CIFAR-100.
SUPERCLASSES = """
    4 1 14 8 0 6 7 7 18 3 3 14 9 18 7 11 3 9 7 11
    6 11 5 10 7 6 13 15 3 15 0 11 1 10 12 14 16 9 11 5
    5 19 8 8 15 13 14 17 18 10 16 4 17 4 2 0 17 4 18 17
    10 3 2 12 12 16 12 1 9 19 2 10 0 1 16 12 9 13 15 13
    16 19 2 4 6 19 5 5 8 19 18 1 2 15 6 0 17 8 14 13
"""


def similar_classes(dataset: Dataset) -> np.ndarray:
    """For each class of a data set the one that it is taken for.

    Args:
        dataset: A `Dataset`.

    Returns:
        Int32 array (classes,); a class that is never confused stands for itself.

    Raises:
        ValueError: If nothing is known about the data set.

    Example:

    >>> from keras_sam.datasets.confusion import KNOWN
    >>> KNOWN["cifar10"]()
    array([0, 1, 0, 5, 7, 3, 6, 7, 8, 1], dtype=int32)
    """
    if dataset.name not in KNOWN:
        raise ValueError(
            f"Similar classes are known of {' and '.join(KNOWN)} only: use kind='symmetric' or "
            f"kind='pair'. Received: kind='class' for the data set {dataset.name}"
        )
    return KNOWN[dataset.name]()


def _cifar10() -> np.ndarray:
    return np.array([CIFAR10.get(label, label) for label in range(10)], "int32")


def _cifar100() -> np.ndarray:
    superclasses = np.array(SUPERCLASSES.split(), int)
    similar = np.zeros(100, "int32")
    for superclass in np.unique(superclasses):
        members = np.flatnonzero(superclasses == superclass)
        similar[members] = np.roll(members, -1)
    return similar


KNOWN = {"cifar10": _cifar10, "cifar100": _cifar100}
