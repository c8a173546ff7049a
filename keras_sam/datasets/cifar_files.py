"""Reads the two layouts of CIFAR files into arrays of bytes."""

import importlib
import io
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.npyio import NpzFile

from keras_sam.checks import import_extra
from keras_sam.datasets.archives import damage_reported, opened_archive
from keras_sam.datasets.checking import checked_labels
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


def read_bundle(
    path: str | Path, number: int | None = None, classes: int = 10
) -> tuple[np.ndarray, np.ndarray]:
    """Reads labels and mosaics from a NumPy archive.

    Args:
        path: Path of an archive with the labels in `y` and encoded mosaics in `tile00`,
            `tile01`…
        number: Integer, how many examples to keep, class-balanced; only the mosaics that hold
            them are decoded. Defaults to all.
        classes: Integer, labels lie in [0, classes). Defaults to `10`.

    Returns:
        Uint8 array (number, 32, 32, 3) and int32 array (number,).

    Raises:
        ImportError: If Pillow is missing.
        ValueError: If the archive is damaged or holds fewer examples, or other labels.

    Example:

    >>> from keras_sam.datasets.cifar_files import read_bundle
    >>> images, labels = read_bundle("data/cifar10_test.npz", 100)  # doctest: +SKIP
    """
    with opened_archive(path, EXPECTED) as archive:
        read = archive["y"]
    labels = checked_labels(path, read, classes)
    keep = balanced(labels, number)
    with opened_archive(path, EXPECTED) as archive:
        images = _decoded(archive, keep[-1] + 1, is_all=len(keep) == len(labels))
    return images[keep], labels[keep]


def _decoded(archive: NpzFile, number: int, is_all: bool) -> np.ndarray:
    """The first images of the mosaics, `number` or a few more; of all, none may be left over."""
    tiles = sorted(name for name in archive.files if name.startswith("tile"))
    decoded = [np.zeros((0, SIDE, SIDE, 3), "uint8")]
    while tiles and sum(map(len, decoded)) < number:
        decoded.append(_cut(archive[tiles.pop(0)].tobytes()))
    images = np.concatenate(decoded)
    if len(images) < number or (is_all and tiles):
        raise ValueError(f"{number} labels, {len(images)} images and {len(tiles)} mosaics more")
    return images


def _cut(encoded: bytes) -> np.ndarray:
    """All pictures of an encoded mosaic, row by row."""
    image = import_extra("PIL.Image", "Pillow").open(io.BytesIO(encoded)).convert("RGB")
    mosaic = np.asarray(image)
    rows, columns = mosaic.shape[0] // SIDE, mosaic.shape[1] // SIDE
    grid = mosaic.reshape(rows, SIDE, columns, SIDE, 3).swapaxes(1, 2)
    return grid.reshape(-1, SIDE, SIDE, 3)


def read_pickles(
    paths: Sequence[str | Path], label_key: str, number: int | None = None, classes: int = 10
) -> tuple[np.ndarray, np.ndarray]:
    """Reads the original pickles of CIFAR.

    Args:
        paths: List of paths, read one after the other.
        label_key: String, the key of the labels: `"labels"` or `"fine_labels"`.
        number: Integer, how many examples to keep, class-balanced. Defaults to all.
        classes: Integer, labels lie in [0, classes). Defaults to `10`.

    Returns:
        Uint8 array (number, 32, 32, 3) and int32 array (number,).

    Raises:
        ValueError: If a pickle is damaged, holds more than arrays or other labels, or there are
            fewer examples.

    Example:

    >>> from keras_sam.datasets.cifar_files import read_pickles
    >>> paths = ["cifar-10-batches-py/test_batch"]
    >>> images, labels = read_pickles(paths, "labels", 100)  # doctest: +SKIP
    """
    planes, labels = [], []
    for path in paths:
        with damage_reported(path, EXPECTED), open(path, "rb") as file:
            content = _ArrayUnpickler(file, encoding="bytes").load()
            planes.append(_planes(content[b"data"]))
            read = content[label_key.encode()]
        labels.append(checked_labels(path, read, classes, len(planes[-1])))
    joined = np.concatenate(labels)
    keep = balanced(joined, number)
    images = np.concatenate(planes)[keep].reshape(-1, 3, SIDE, SIDE)
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1)), joined[keep]


def _planes(pixels: Any) -> np.ndarray:
    """The pixels of a pickle: whole planes of red, green and blue, a row for each image."""
    pixels = np.asarray(pixels)
    if pixels.dtype != np.uint8 or pixels.shape != (len(pixels), 3 * SIDE**2):
        raise ValueError(f"pixels of the type {pixels.dtype} and the shape {pixels.shape}")
    return pixels


class _ArrayUnpickler(pickle.Unpickler):
    """Loads arrays and plain data only: a pickle could otherwise run any code."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in SAFE_GLOBALS:
            raise pickle.UnpicklingError(f"it refers to {module}.{name}")
        return getattr(importlib.import_module(module), name)
