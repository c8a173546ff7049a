"""The table of named data sets."""

from collections.abc import Callable
from functools import partial
from os import PathLike
from pathlib import Path

from keras_sam import checks
from keras_sam.datasets.cifar import cifar10, cifar100
from keras_sam.datasets.dataset import Dataset
from keras_sam.datasets.digits import digits
from keras_sam.datasets.docstrings import docstrings
from keras_sam.datasets.flowers import flowers12
from keras_sam.datasets.photographs import image_folder, photographs
from keras_sam.datasets.sources import SOURCES
from keras_sam.datasets.texts import text_folder

LOADERS: dict[str, Callable[..., Dataset]] = {
    "digits": digits,
    **{name: partial(photographs, name) for name in SOURCES},
    "cifar10": cifar10,  # These have file formats of their own, too.
    "cifar100": cifar100,
    "flowers12": flowers12,
    "image_folder": image_folder,
    "docstrings": docstrings,
    "text_folder": text_folder,
}


def names() -> list[str]:
    """Names of all data sets, in the order of the table.

    Returns:
        List of strings.

    Example:

    >>> from keras_sam import datasets
    >>> datasets.list()[:4]
    ['digits', 'cifar10', 'cifar100', 'svhn']
    """
    return list(LOADERS)


def get(
    name: str,
    data_dir: str | Path | None = None,
    num_train: int | None = None,
    num_test: int | None = None,
    image_size: int | tuple[int, int] | None = None,
) -> Dataset:
    """Loads a data set by its name.

    Args:
        name: String, one of `keras_sam.datasets.list()`.
        data_dir: Path of the folder that holds the files; `digits` and
            `docstrings` need none. Defaults to
            `None`.
        num_train: Integer, how many training images to keep, class-balanced. Defaults to all.
        num_test: Integer, how many test images to keep, class-balanced. Defaults to all.
        image_size: Integer or tuple (height, width) in pixels, for photographs. Defaults to the
            images' own size where all have the same, else to `224`.

    Returns:
        A `Dataset`.

    Raises:
        ValueError: If the name is unknown, more images are asked for than there are, or a file is
            damaged.
        FileNotFoundError: If the folder or one of its files is missing.
        ImportError: If a package that reads the files is missing.

    Example:

    >>> from keras_sam import datasets
    >>> datasets.get("digits").x_train.shape
    (1297, 8, 8, 1)
    """
    if name not in LOADERS:
        raise ValueError(
            f"Unknown data set: {checks.nearest(name, names())} Received: dataset={name!r}"
        )
    if data_dir is not None and not isinstance(data_dir, str | PathLike):
        checks.refuse("data_dir", "the path of a folder", data_dir)
    return LOADERS[name](data_dir, num_train, num_test, image_size)
