"""A part of the training set to choose hyper-parameters on, so that the test set stays unseen."""

import dataclasses

import numpy as np

from keras_sam import checks
from keras_sam.datasets.dataset import Dataset
from keras_sam.datasets.images import selected
from keras_sam.datasets.selection import balanced


def holdout(dataset: Dataset, fraction: float = 0.1, seed: int = 0) -> Dataset:
    """Puts a part of the training set in the place of the test set.

    Call it before `with_label_noise`; labels of the part are clean in any case.

    Args:
        dataset: A `Dataset`.
        fraction: Float above 0 and below 1, the share to hold out. Defaults to `0.1`.
        seed: Integer, which examples. Defaults to `0`.

    Returns:
        A `Dataset`: `x_test` and `y_test` are `round(fraction * examples)` of the training
        examples, class-balanced, and the others stay to train on.

    Raises:
        ValueError: If the fraction is not between 0 and 1, or leaves nothing to one of the parts.

    Example:

    >>> from keras_sam import datasets
    >>> data = datasets.holdout(datasets.digits(num_train=1000))
    >>> data.x_train.shape, data.x_test.shape
    ((900, 8, 8, 1), (100, 8, 8, 1))
    """
    examples = len(dataset.y_train)
    number = round(checks.share("fraction", fraction) * examples)
    if not 0 < number < examples:
        raise ValueError(
            "fraction must leave examples to hold out and examples to train on. "
            f"Received: fraction={fraction} of {examples} examples"
        )
    clean = np.asarray(dataset.y_train_clean)
    order = np.random.default_rng(seed).permutation(examples)
    held = np.sort(order[balanced(clean[order], number)])
    kept = np.setdiff1d(np.arange(examples), held)
    return dataclasses.replace(
        dataset,
        x_train=selected(dataset.x_train, kept),
        y_train=dataset.y_train[kept],
        y_train_clean=clean[kept],
        x_test=selected(dataset.x_train, held),
        y_test=clean[held],
    )
