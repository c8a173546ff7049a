"""Wrong labels on purpose, to see how a method copes with them."""

import dataclasses

import numpy as np

from keras_sam import checks
from keras_sam.datasets.confusion import similar_classes
from keras_sam.datasets.dataset import Dataset

KINDS = ("symmetric", "pair", "class")


def check_fraction(fraction: float) -> None:
    """Refuses a share of wrong labels outside [0, 1).

    Args:
        fraction: Expected to be a float in [0, 1).

    Raises:
        ValueError: If it is not.
    """
    if not checks.is_number(fraction) or not 0 <= fraction < 1:
        raise ValueError(
            "label_noise must be a fraction of the training labels in [0, 1), such as 0.4. "
            f"Received: {checks.received(label_noise=fraction)}"
        )


def with_label_noise(
    dataset: Dataset, fraction: float, seed: int = 0, kind: str = "symmetric"
) -> Dataset:
    """Makes an exact fraction of the training labels wrong.

    The test labels and `y_train_clean` stay as they are. Of kind `"class"` only images of a class
    that has a similar one can be wrong, and the fraction is a share of these: on CIFAR-10, of
    which five classes have one, 0.4 makes a fifth of all labels wrong, on CIFAR-100 0.4 of them.

    Args:
        dataset: A `Dataset`.
        fraction: Float in [0, 1), the share of the training labels to flip, of kind `"class"` of
            those whose class has a similar one.
        seed: Integer. Defaults to `0`.
        kind: String: `"symmetric"` flips to any other class at random; `"pair"` from each class to
            the next; `"class"` to a similar one: of CIFAR-10 truck to automobile, bird to
            airplane, deer to horse, cat and dog to each other (Patrini et al. 2017,
            arXiv:1609.03683), of CIFAR-100 to the next of the same superclass. Defaults to
            `"symmetric"`.

    Returns:
        A `Dataset` of which exactly `round(fraction * examples)` training labels are wrong, where
        of kind `"class"` only the examples of classes that have a similar one are counted.

    Raises:
        ValueError: If the fraction is outside [0, 1), the seed no integer of at least 0, the kind
            unknown, or similar classes of the data set are not known.

    Example:

    >>> from keras_sam import datasets
    >>> noisy = datasets.with_label_noise(datasets.digits(), 0.4)
    >>> float((noisy.y_train != noisy.y_train_clean).mean().round(2))
    0.4
    """
    check_fraction(fraction)
    checks.seed("seed", seed)
    checks.one_of("kind", kind, KINDS)
    clean = np.asarray(dataset.y_train_clean)
    generator = np.random.default_rng(seed)
    similar = similar_classes(dataset) if kind == "class" else None
    able = np.arange(len(clean)) if similar is None else np.flatnonzero(similar[clean] != clean)
    flipped = able[generator.choice(len(able), size=round(fraction * len(able)), replace=False)]
    labels = clean.copy()
    if similar is not None:
        labels[flipped] = similar[clean[flipped]]
    else:
        # A step of 1 to num_classes - 1 around the ring of classes never ends where it began.
        longest = dataset.num_classes if kind == "symmetric" else 2
        steps = generator.integers(1, longest, size=len(flipped))
        labels[flipped] = (labels[flipped] + steps) % dataset.num_classes
    return dataclasses.replace(dataset, y_train=labels)
