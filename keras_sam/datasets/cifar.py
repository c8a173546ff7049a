"""CIFAR-10 and CIFAR-100 from files that are already there; nothing is downloaded.

Two layouts are read from `data_dir`:

- the original Python pickles, unpacked: `cifar-10-batches-py/` or `cifar-100-python/`;
- a bundle of two NumPy archives, `cifar10_train.npz` and `cifar10_test.npz` (or `cifar100_…`),
  with the labels in `y` and the images in `tile00`, `tile01`…: image files (AVIF, WebP, PNG…),
  each a mosaic of 32x32 pictures, row by row.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_sam.datasets.cifar_files import read_bundle, read_pickles
from keras_sam.datasets.dataset import Dataset


@dataclass(frozen=True)
class Source:
    """Where a CIFAR data set is kept, and its statistics.

    Args:
        name: String, the name of the bundle and of the data set.
        num_classes: Integer.
        folder: String, the folder that the original archive unpacks to.
        train_files: Tuple of strings, the folder's training pickles.
        test_files: Tuple of strings, the folder's test pickles.
        label_key: String, the pickles' key of the labels.
        mean: Tuple of three floats, mean of each channel over the training images.
        deviation: Tuple of three floats, their standard deviations.
    """

    name: str
    num_classes: int
    folder: str
    train_files: tuple
    test_files: tuple
    label_key: str
    mean: tuple
    deviation: tuple


CIFAR10 = Source(
    "cifar10",
    10,
    "cifar-10-batches-py",
    tuple(f"data_batch_{number}" for number in range(1, 6)),
    ("test_batch",),
    "labels",
    (0.4914, 0.4822, 0.4465),
    (0.2470, 0.2435, 0.2616),
)
CIFAR100 = Source(
    "cifar100",
    100,
    "cifar-100-python",
    ("train",),
    ("test",),
    "fine_labels",
    (0.5071, 0.4865, 0.4409),
    (0.2673, 0.2564, 0.2762),
)


def cifar10(data_dir=None, num_train=None, num_test=None):
    """Loads CIFAR-10: 50,000 training and 10,000 test images of 32x32 pixels in ten classes.

    Args:
        data_dir: Path of the folder that holds `cifar-10-batches-py/`, or `cifar10_train.npz`
            and `cifar10_test.npz`.
        num_train: Integer, how many training images to keep, class-balanced. Defaults to all.
        num_test: Integer, how many test images to keep, class-balanced. Defaults to all.

    Returns:
        A `Dataset` with images (examples, 32, 32, 3), each channel standardised with the mean
        and deviation of the whole training set.

    Raises:
        FileNotFoundError: If the folder or one of its files is missing.
        ImportError: If the bundle is read and Pillow is missing.
        ValueError: If no folder is given, a file is damaged, or more images are asked for than
            there are.

    Example:

    >>> from keras_sam import datasets
    >>> data = datasets.cifar10("data", num_train=1000)  # doctest: +SKIP
    """
    return _load(CIFAR10, data_dir, num_train, num_test)


def cifar100(data_dir=None, num_train=None, num_test=None):
    """Loads CIFAR-100: 50,000 training and 10,000 test images of 32x32 pixels in 100 classes.

    Args:
        data_dir: Path of the folder that holds `cifar-100-python/`, or `cifar100_train.npz` and
            `cifar100_test.npz`.
        num_train: Integer, how many training images to keep, class-balanced. Defaults to all.
        num_test: Integer, how many test images to keep, class-balanced. Defaults to all.

    Returns:
        A `Dataset` with images (examples, 32, 32, 3), each channel standardised with the mean
        and deviation of the whole training set, and the 100 fine labels.

    Raises:
        FileNotFoundError: If the folder or one of its files is missing.
        ImportError: If the bundle is read and Pillow is missing.
        ValueError: If no folder is given, a file is damaged, or more images are asked for than
            there are.

    Example:

    >>> from keras_sam import datasets
    >>> data = datasets.cifar100("data", num_train=1000)  # doctest: +SKIP
    """
    return _load(CIFAR100, data_dir, num_train, num_test)


def _load(source, data_dir, num_train, num_test):
    train, test = _readers(source, data_dir)
    x_train, y_train = train(num_train)
    x_test, y_test = test(num_test)
    return Dataset(
        _standardise(x_train, source),
        y_train.astype("int32"),
        _standardise(x_test, source),
        y_test.astype("int32"),
        source.num_classes,
        source.name,
    )


def _readers(source, data_dir):
    """Two functions from a number of examples to images and labels: training and test."""
    expected = (
        f"{source.name} is read from a folder that holds {source.folder}/ (the original archive "
        f"for Python, unpacked: {', '.join(source.train_files + source.test_files)}) or both "
        f"{source.name}_train.npz and {source.name}_test.npz; nothing is downloaded."
    )
    if data_dir is None:
        raise ValueError(f"{expected} Received: data_dir=None")
    folder = Path(data_dir)
    archives = [folder / f"{source.name}_{part}.npz" for part in ("train", "test")]
    if all(archive.is_file() for archive in archives):
        return [lambda number, path=path: read_bundle(path, number) for path in archives]
    # The folder itself is what some people name.
    pickles = folder if folder.name == source.folder else folder / source.folder
    parts = [[pickles / name for name in part] for part in (source.train_files, source.test_files)]
    if all(path.is_file() for part in parts for path in part):
        key = source.label_key
        return [lambda number, paths=paths: read_pickles(paths, key, number) for paths in parts]
    raise FileNotFoundError(f"{expected} Received: data_dir={str(data_dir)!r}, {_found(folder)}")


def _found(folder):
    """What is in the way of reading a folder, for the end of an error."""
    if not folder.is_dir():
        return "which is not a folder"
    names = sorted(path.name for path in folder.iterdir())
    return f"which holds {', '.join(names[:10]) or 'nothing'}{' …' if len(names) > 10 else ''}"


def _standardise(images, source):
    scaled = images.astype("float32")
    scaled /= 255.0  # In place: a copy of all images is more than half a gigabyte.
    scaled -= np.array(source.mean, "float32")
    scaled /= np.array(source.deviation, "float32")
    return scaled
