"""CIFAR-10 and CIFAR-100 from files that are already there.

Two layouts of their own are read from `data_dir`, beside those of all photographs:

- the original Python pickles, unpacked: `cifar-10-batches-py/` or `cifar-100-python/`;
- a bundle of two NumPy archives, `cifar10_train.npz` and `cifar10_test.npz` (or `cifar100_…`),
  with the labels in `y` and the images in `tile00`, `tile01`…: image files (AVIF, WebP, PNG…),
  each a mosaic of 32x32 pictures, row by row.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np

from keras_sam.datasets.cifar_files import read_bundle, read_pickles
from keras_sam.datasets.dataset import Dataset
from keras_sam.datasets.photographs import assemble, how_to_prepare, is_there, photographs
from keras_sam.datasets.sources import SOURCES

Reader: TypeAlias = Callable[[int | None], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Files:
    """What the files of a CIFAR data set are called.

    Args:
        name: String, the name of the bundle and of the data set.
        folder: String, the folder that the original archive unpacks to.
        train_files: Tuple of strings, the folder's training pickles.
        test_files: Tuple of strings, the folder's test pickles.
        label_key: String, the pickles' key of the labels.
        class_names: Tuple of strings.
    """

    name: str
    folder: str
    train_files: tuple[str, ...]
    test_files: tuple[str, ...]
    label_key: str
    class_names: tuple[str, ...]


CIFAR10 = Files(
    "cifar10",
    "cifar-10-batches-py",
    tuple(f"data_batch_{number}" for number in range(1, 6)),
    ("test_batch",),
    "labels",
    tuple("airplane automobile bird cat deer dog frog horse ship truck".split()),
)
CIFAR100 = Files(
    "cifar100",
    "cifar-100-python",
    ("train",),
    ("test",),
    "fine_labels",
    tuple(map(str, range(100))),
)


def cifar10(
    data_dir: str | Path | None = None,
    num_train: int | None = None,
    num_test: int | None = None,
    image_size: int | tuple[int, int] | None = None,
) -> Dataset:
    """Loads CIFAR-10: 50,000 training and 10,000 test images of 32x32 pixels in ten classes.

    Args:
        data_dir: Path of the folder that holds `cifar-10-batches-py/`, or `cifar10_train.npz`
            and `cifar10_test.npz`, or `cifar10/` as tensorflow-datasets prepares it or with a
            folder of images for each class.
        num_train: Integer, how many training images to keep, class-balanced. Defaults to all.
        num_test: Integer, how many test images to keep, class-balanced. Defaults to all.
        image_size: Integer or tuple (height, width) in pixels, to which images are resized at
            each access. Defaults to their own.

    Returns:
        A `Dataset` with uint8 images (examples, 32, 32, 3); `prepare` standardises each channel
        with the mean and deviation of the whole training set.

    Raises:
        FileNotFoundError: If the folder or one of its files is missing.
        ImportError: If the bundle is read and Pillow is missing.
        ValueError: If no folder is given, a file is damaged, or more images are asked for than
            there are.

    Example:

    >>> from keras_sam import datasets
    >>> data = datasets.cifar10("data", num_train=1000)  # doctest: +SKIP
    """
    return _load(CIFAR10, data_dir, num_train, num_test, image_size)


def cifar100(
    data_dir: str | Path | None = None,
    num_train: int | None = None,
    num_test: int | None = None,
    image_size: int | tuple[int, int] | None = None,
) -> Dataset:
    """Loads CIFAR-100: 50,000 training and 10,000 test images of 32x32 pixels in 100 classes.

    Args:
        data_dir: Path of the folder that holds `cifar-100-python/`, or `cifar100_train.npz` and
            `cifar100_test.npz`, or `cifar100/` as tensorflow-datasets prepares it or with a
            folder of images for each class.
        num_train: Integer, how many training images to keep, class-balanced. Defaults to all.
        num_test: Integer, how many test images to keep, class-balanced. Defaults to all.
        image_size: Integer or tuple (height, width) in pixels, to which images are resized at
            each access. Defaults to their own.

    Returns:
        A `Dataset` with uint8 images (examples, 32, 32, 3) and the 100 fine labels; `prepare`
        standardises each channel with the mean and deviation of the whole training set.

    Raises:
        FileNotFoundError: If the folder or one of its files is missing.
        ImportError: If the bundle is read and Pillow is missing.
        ValueError: If no folder is given, a file is damaged, or more images are asked for than
            there are.

    Example:

    >>> from keras_sam import datasets
    >>> data = datasets.cifar100("data", num_train=1000)  # doctest: +SKIP
    """
    return _load(CIFAR100, data_dir, num_train, num_test, image_size)


def _load(
    files: Files,
    data_dir: str | Path | None,
    num_train: int | None,
    num_test: int | None,
    image_size: int | tuple[int, int] | None,
) -> Dataset:
    source = SOURCES[files.name]
    if data_dir is None:
        raise ValueError(f"{expected(files)} Received: data_dir=None")
    found = readers(files, Path(data_dir))
    if found is not None:
        numbers = (num_train, num_test)
        train, test = (read(number) for read, number in zip(found, numbers, strict=True))
        return assemble(source, train, test, files.class_names, (None, None), image_size)
    if is_there(source, data_dir):
        return photographs(files.name, data_dir, num_train, num_test, image_size)
    there = _found(Path(data_dir))
    raise FileNotFoundError(f"{expected(files)} Received: data_dir={str(data_dir)!r}, {there}")


def expected(files: Files) -> str:
    """The sentences of an error that say what to put where."""
    return (
        f"{files.name} is read from a folder that holds {files.folder}/ (the original archive "
        f"for Python, unpacked: {', '.join(files.train_files + files.test_files)}) or both "
        f"{files.name}_train.npz and {files.name}_test.npz. "
        f"Else {how_to_prepare(SOURCES[files.name])}"
    )


def readers(files: Files, folder: Path) -> list[Reader] | None:
    """Functions from a number of examples to training and to test images and labels, or `None`."""
    classes = len(files.class_names)
    archives = [folder / f"{files.name}_{part}.npz" for part in ("train", "test")]
    if all(archive.is_file() for archive in archives):
        return [partial(read_bundle, path, classes=classes) for path in archives]
    # The folder itself is what some people name.
    pickles = folder if folder.name == files.folder else folder / files.folder
    parts = [[pickles / name for name in part] for part in (files.train_files, files.test_files)]
    if all(path.is_file() for part in parts for path in part):
        return [partial(read_pickles, paths, files.label_key, classes=classes) for paths in parts]
    return None


def _found(folder: Path) -> str:
    """What is in the way of reading a folder, for the end of an error."""
    if not folder.is_dir():
        return "which is not a folder"
    names = sorted(path.name for path in folder.iterdir())
    return f"which holds {', '.join(names[:10]) or 'nothing'}{' …' if len(names) > 10 else ''}"
