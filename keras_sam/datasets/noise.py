"""Wrong labels on purpose, to see how a method copes with them."""

import dataclasses

import numpy as np


def check_fraction(fraction):
    """Refuses a share of wrong labels outside [0, 1).

    Args:
        fraction: Expected to be a float in [0, 1).

    Raises:
        ValueError: If it is not.
    """
    if not 0 <= fraction < 1:  # False for NaN, too.
        raise ValueError(
            "label_noise must be a fraction of the training labels in [0, 1), such as 0.4. "
            f"Received: label_noise={fraction}"
        )


def with_label_noise(dataset, fraction, seed=0):
    """Flips an exact fraction of the training labels, each to another class at random.

    The test labels and `y_train_clean` stay as they are.

    Args:
        dataset: A `Dataset`.
        fraction: Float in [0, 1), the share of the training labels to flip.
        seed: Integer. Defaults to `0`.

    Returns:
        A `Dataset` of which exactly `round(fraction * examples)` training labels are wrong.

    Raises:
        ValueError: If the fraction is outside [0, 1).

    Example:

    >>> from keras_sam import datasets
    >>> noisy = datasets.with_label_noise(datasets.digits(), 0.4)
    >>> float((noisy.y_train != noisy.y_train_clean).mean().round(2))
    0.4
    """
    check_fraction(fraction)
    clean = dataset.y_train_clean
    generator = np.random.default_rng(seed)
    flipped = generator.choice(len(clean), size=round(fraction * len(clean)), replace=False)
    # A step of 1 to num_classes - 1 around the ring of classes never ends where it began.
    steps = generator.integers(1, dataset.num_classes, size=len(flipped))
    labels = clean.copy()
    labels[flipped] = (labels[flipped] + steps) % dataset.num_classes
    return dataclasses.replace(dataset, y_train=labels)
