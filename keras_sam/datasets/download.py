"""Fetches data sets where a user asks for it, into the layouts that are read here."""

import contextlib
import os
import pickle
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np

from keras_sam import checks
from keras_sam.checks import import_extra, shown
from keras_sam.datasets.cifar import CIFAR10, CIFAR100, Files, expected, readers
from keras_sam.datasets.photographs import how_to_prepare, is_there
from keras_sam.datasets.sources import BY_HAND, NOT_BUILT, SOURCES

BY_KERAS = {files.name: files for files in (CIFAR10, CIFAR100)}
DOWNLOADED = tuple(name for name in SOURCES if name not in (*NOT_BUILT, *BY_HAND))


def download(name: str, data_dir: str | Path) -> bool:
    """Downloads a data set, unless it is there.

    CIFAR-10 and CIFAR-100 come through `keras.datasets`, which keeps the archive in its own cache
    as well, and end as the original archive's pickles. The others come through
    tensorflow-datasets. What is not whole yet lies where no reader looks for it; of several
    processes one downloads, and the others wait.

    Args:
        name: String, one of `keras_sam.datasets.list()`; `digits` come with scikit-learn.
        data_dir: Path of the folder to download to, made if need be.

    Returns:
        Boolean, whether anything was downloaded.

    Raises:
        ValueError: If the data set is none that can be downloaded.
        OSError: If the download fails; nothing of it is then taken for the data set.
        ImportError: If a package that downloads or prepares the files is missing.

    Example:

    >>> from keras_sam import datasets
    >>> datasets.download("digits", "data")
    False
    """
    if name == "digits":
        return False
    _check(name)
    folder = Path(data_dir)
    if _is_there(name, folder):
        return False
    filelock = import_extra("filelock", "filelock")
    with _trouble_explained(name, folder):
        folder.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(folder / f".download_{name}.lock"):
            if _is_there(name, folder):  # Another process was faster.
                return False
            _fetch(name, folder)
    return True


def _check(name: str) -> None:
    if name in BY_HAND:
        raise ValueError(
            f"{name} has to be fetched by hand, as its owners want to know who does: "
            f"{how_to_prepare(SOURCES[name])} Received: a download of {name}"
        )
    if name not in DOWNLOADED:
        raise ValueError(
            f"This data set cannot be downloaded: {checks.nearest(name, DOWNLOADED)} "
            f"Received: a download of {name}"
        )


def _is_there(name: str, folder: Path) -> bool:
    files = BY_KERAS.get(name)
    in_own_files = files is not None and readers(files, folder) is not None
    return in_own_files or is_there(SOURCES[name], folder)


@contextlib.contextmanager
def _trouble_explained(name: str, folder: Path) -> Iterator[None]:
    """Turns what ends a download, of which each package has errors of its own, into one line."""
    try:
        yield
    except ImportError:
        raise
    except Exception as error:
        files = BY_KERAS.get(name)
        by_hand = how_to_prepare(SOURCES[name]) if files is None else expected(files)
        raise OSError(
            f"{name} could not be downloaded to {folder}: look whether this machine reaches the "
            "internet and has room on its disk, and try again, or fetch it by hand: "
            f"{by_hand} Received: {shown(error)}"
        ) from error


def _fetch(name: str, folder: Path) -> None:
    if name in BY_KERAS:
        _through_keras(BY_KERAS[name], folder)
        return
    tfds = import_extra("tensorflow_datasets", "tensorflow-datasets")
    # It prepares in a folder of another name, and renames that at the end.
    tfds.builder(SOURCES[name].prepared, data_dir=str(folder)).download_and_prepare()


def _through_keras(files: Files, folder: Path) -> None:
    """Loads arrays, and writes them as the original archive has them, under another name first."""
    for left in folder.glob(f"unfinished_{files.name}_*"):  # By a process that was killed.
        shutil.rmtree(left, ignore_errors=True)
    train, test = getattr(keras.datasets, files.name).load_data()
    prefix = f"unfinished_{files.name}_"
    with tempfile.TemporaryDirectory(prefix=prefix, dir=folder) as place:
        whole = Path(place, files.folder)
        whole.mkdir()
        for names, (images, labels) in ((files.train_files, train), (files.test_files, test)):
            _write_pickles([whole / name for name in names], files.label_key, images, labels)
        os.replace(whole, folder / files.folder)


def _write_pickles(
    paths: list[Path], label_key: str, images: np.ndarray, labels: np.ndarray
) -> None:
    if images.shape[1] != 3:  # Keras's channels are where its configuration says.
        images = np.moveaxis(images, -1, 1)
    planes = np.array_split(images.reshape(len(images), -1), len(paths))
    parts = zip(paths, planes, np.array_split(labels.ravel(), len(paths)), strict=True)
    for path, plane, part in parts:
        content = {b"data": plane, label_key.encode(): part.tolist()}
        path.write_bytes(pickle.dumps(content))
