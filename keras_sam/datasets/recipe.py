"""From names of augmentations to the functions that make them.

The order is that of AutoAugment's authors: a policy acts on bytes, shift, flip and Cutout act after
standardisation, so that what they leave empty has the mean colour, and mixing comes last.

All of it is NumPy and Pillow. Keras's layers for RandAugment, MixUp and CutMix compute on the
backend, where they would take turns with the training step, and draw from its seeds: a batch would
not be a function of (seed, epoch, position). Keras has no AutoAugment, and neither has KerasCV.
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from keras_sam import checks
from keras_sam.datasets import policies
from keras_sam.datasets.augmentation import PADDING, cutout, shift_and_flip
from keras_sam.datasets.batches import Augment, Mix
from keras_sam.datasets.cropping import random_crops
from keras_sam.datasets.mixing import mix_batch

if TYPE_CHECKING:
    from keras_sam.datasets.dataset import Dataset

AUGMENTATIONS = (
    "none",
    "basic",
    "crop",
    "cutout",
    "autoaugment",
    "randaugment",
    "mixup",
    "cutmix",
)
MIXING = ("mixup", "cutmix")
APART = {
    ("basic", "crop"): "a random crop moves and mirrors already",
    ("autoaugment", "randaugment"): "both are policies on the same pixels",
}


def check_names(names: str | Sequence[str], one_hot: bool = True) -> tuple[str, ...]:
    """Refuses augmentations that do not exist or do not fit together.

    Args:
        names: A name of `AUGMENTATIONS`, or several in any order.
        one_hot: Boolean, whether labels can be mixed. Defaults to `True`.

    Returns:
        Tuple of the names; empty for `"none"`.

    Raises:
        ValueError: If they cannot be used.

    Example:

    >>> from keras_sam.datasets import recipe
    >>> recipe.check_names(["basic", "cutout"])
    ('basic', 'cutout')
    """
    names = (names,) if isinstance(names, str) else tuple(names)
    received = f"Received: augment={','.join(map(str, names))}"
    for name in names:
        if name not in AUGMENTATIONS:
            known = checks.nearest(name, AUGMENTATIONS)
            raise ValueError(f"Unknown augmentation {name!r}: {known} {received}")
    if "none" in names and len(names) > 1:
        raise ValueError(f"'none' stands alone: leave it or the others out. {received}")
    for pair, reason in APART.items():
        if set(pair) <= set(names):
            raise ValueError(f"Choose one of {' and '.join(pair)}: {reason}. {received}")
    if not one_hot and set(MIXING) & set(names):
        raise ValueError(
            "mixup and cutmix mix labels too: use one_hot=True and a loss for one-hot labels. "
            f"{received}"
        )
    return tuple(name for name in names if name != "none")


def augmentation(names: tuple[str, ...], dataset: "Dataset", padding: str = "zeros") -> Augment:
    """Everything that happens to the images of a batch one by one.

    Args:
        names: Tuple of names that `check_names` has passed.
        dataset: The `Dataset`.
        padding: String, see `shift_and_flip`. Defaults to `"zeros"`.

    Returns:
        Function of (images as they are kept, `numpy.random.Generator`) that returns float32
        images.

    Raises:
        ValueError: If a policy or a crop is to act on images that are not bytes, or the padding is
            unknown.
    """
    checks.one_of("padding", padding, list(PADDING))
    steps: list[Augment] = [*_on_bytes(names, dataset), lambda images, _: dataset.prepare(images)]
    if "basic" in names:
        steps.append(
            partial(shift_and_flip, shift=dataset.shift, flip=dataset.flip, padding=padding)
        )
    if "cutout" in names:
        # 16 pixels on CIFAR.
        steps.append(partial(cutout, size=min(dataset.input_shape[:2]) // 2))

    def augment(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        for step in steps:
            images = step(images, generator)
        return images

    return augment


def _on_bytes(names: tuple[str, ...], dataset: "Dataset") -> list[Augment]:
    steps: list[Augment] = []
    if "crop" in names:
        height, width = dataset.input_shape[:2]
        steps.append(partial(random_crops, size=(height, width), flip=dataset.flip))
    if "autoaugment" in names:
        steps.append(partial(policies.auto_augment, policy=policies.policy_for(dataset.name)))
    if "randaugment" in names:
        steps.append(policies.rand_augment)
    if steps and dataset.x_train.dtype != "uint8":
        raise ValueError(
            "crop, autoaugment and randaugment act on photographs of bytes: choose other "
            f"augmentations. Received: images of {dataset.x_train.dtype}, augment={','.join(names)}"
        )
    return steps


def mixing(names: tuple[str, ...], mixup_alpha: float) -> Mix | None:
    """What mixes the images and labels of a batch with each other.

    Args:
        names: Tuple of names that `check_names` has passed.
        mixup_alpha: Float above 0.

    Returns:
        Function of (images, one-hot labels, `numpy.random.Generator`), or `None`.

    Raises:
        ValueError: If `mixup_alpha` is not above 0.
    """
    alpha = checks.positive("mixup_alpha", mixup_alpha)
    kinds = tuple(name for name in MIXING if name in names)
    return partial(mix_batch, kinds=kinds, alpha=alpha) if kinds else None
