"""Reads the two layouts of CIFAR files into arrays of bytes."""

import importlib
import io
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_sam.checks import import_extra
from keras_sam.datasets.archives import damage_reported, opened_archive
from keras_sam.datasets.selection import balanced

SIDE = 32
EXPECTED = "one of the files of CIFAR that docstrings of keras_sam.datasets.cifar describe"
# All that a pickled dictionary of arrays needs; a pickle that names anything else is not CIFAR.
SAFE_GLOBALS = {
    (module, name)
    for module, names in {
        "numpy": ("ndarray", "dtype"),
        "numpy.core.multiarray": ("_reconstruct",),
        "numpy._core.multiarray": ("_reconstruct",),
        "numpy.core.numeric": ("_frombuffer",),
        "numpy._core.numeric": ("_frombuffer",),
        "_codecs": ("encode",),
    }.items()
    for name in names
}


def read_bundle(path: str | Path, number: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Reads labels and mosaics from a NumPy archive.

    Args:
        path: Path of an archive with the labels in `y` and encoded mosaics in `tile00`,
            `tile01`…
        number: Integer, how many examples to keep, class-balanced; only the mosaics that hold
            them are decoded. Defaults to all.

    Returns:
        Uint8 array (number, 32, 32, 3) and integer array (number,).

    Raises:
        ImportError: If Pillow is missing.
        ValueError: If the archive is damaged or holds fewer examples.

    Example:

    >>> from keras_sam.datasets.cifar_files import read_bundle
    >>> images, labels = read_bundle("data/cifar10_test.npz", 100)  # doctest: +SKIP
    """
    with opened_archive(path, EXPECTED) as archive:
        labels = archive["y"]
        keep = balanced(labels, number)
        decoded: list[np.ndarray] = []
        for name in sorted(name for name in archive.files if name.startswith("tile")):
            if sum(map(len, decoded)) <= keep[-1]:
                decoded.append(_cut(archive[name].tobytes()))
        return np.concatenate(decoded)[keep], labels[keep]


def _cut(encoded: bytes) -> np.ndarray:
    """All pictures of an encoded mosaic, row by row."""
    image = import_extra("PIL.Image", "Pillow").open(io.BytesIO(encoded)).convert("RGB")
    mosaic = np.asarray(image)
    rows, columns = mosaic.shape[0] // SIDE, mosaic.shape[1] // SIDE
    grid = mosaic.reshape(rows, SIDE, columns, SIDE, 3).swapaxes(1, 2)
    return grid.reshape(-1, SIDE, SIDE, 3)


def read_pickles(
    paths: Sequence[str | Path], label_key: str, number: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Reads the original pickles of CIFAR.

    Args:
        paths: List of paths, read one after the other.
        label_key: String, the key of the labels: `"labels"` or `"fine_labels"`.
        number: Integer, how many examples to keep, class-balanced. Defaults to all.

    Returns:
        Uint8 array (number, 32, 32, 3) and integer array (number,).

    Raises:
        ValueError: If a pickle is damaged, holds more than arrays, or there are fewer examples.

    Example:

    >>> from keras_sam.datasets.cifar_files import read_pickles
    >>> paths = ["cifar-10-batches-py/test_batch"]
    >>> images, labels = read_pickles(paths, "labels", 100)  # doctest: +SKIP
    """
    planes, labels = [], []
    for path in paths:
        with damage_reported(path, EXPECTED), open(path, "rb") as file:
            content = _ArrayUnpickler(file, encoding="bytes").load()
            planes.append(content[b"data"])
            labels.append(content[label_key.encode()])
    joined = np.concatenate(labels)
    keep = balanced(joined, number)
    # The pickles hold whole planes of red, green and blue.
    images = np.concatenate(planes)[keep].reshape(-1, 3, SIDE, SIDE)
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1)), joined[keep]


class _ArrayUnpickler(pickle.Unpickler):
    """Loads arrays and plain data only: a pickle could otherwise run any code."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in SAFE_GLOBALS:
            raise pickle.UnpicklingError(f"it refers to {module}.{name}")
        return getattr(importlib.import_module(module), name)
