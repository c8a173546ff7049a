"""A small part of the Oxford flowers, in one file."""

from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.lib.npyio import NpzFile

from keras_sam.datasets.archives import opened_archive
from keras_sam.datasets.dataset import Dataset
from keras_sam.datasets.photographs import assemble
from keras_sam.datasets.sources import Source


def flowers12(
    data_dir: str | Path | None = None,
    num_train: int | None = None,
    num_test: int | None = None,
    image_size: int | tuple[int, int] | None = None,
) -> Dataset:
    """Loads 12 classes of the Oxford flowers: 720 training and 240 test images, 128x128 pixels.

    Args:
        data_dir: Path of the folder that holds `flowers12.npz`: encoded images one after the other
            in `train_bytes`, where each begins in `train_offsets`, labels in `train_y`, the same
            for `test_…`, and `classes`.
        num_train: Integer, how many training images to keep, class-balanced. Defaults to all.
        num_test: Integer, how many test images to keep, class-balanced. Defaults to all.
        image_size: Integer or tuple (height, width) in pixels. Defaults to `128`.

    Returns:
        A `Dataset`.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If the file is damaged.

    Example:

    >>> from keras_sam import datasets
    >>> data = datasets.get("flowers12", "data")  # doctest: +SKIP
    """
    if data_dir is None or not Path(data_dir, "flowers12.npz").is_file():
        raise FileNotFoundError(
            f"data_dir must hold flowers12.npz. Received: data_dir={str(data_dir)!r}"
        )
    path = Path(data_dir, "flowers12.npz")
    with opened_archive(path, "the archive of encoded flowers") as archive:
        train, test = (_encoded(archive, part) for part in ("train", "test"))
        names = tuple(map(str, archive["classes"]))
        if not names:
            raise ValueError("no classes")
    source = Source("flowers12", "", len(names), size=None)
    return assemble(source, train, test, names, (num_train, num_test), image_size)


def _encoded(archive: NpzFile, part: str) -> tuple[list[bytes], np.ndarray]:
    encoded, offsets = archive[f"{part}_bytes"].tobytes(), archive[f"{part}_offsets"].tolist()
    if offsets != sorted(offsets) or not 0 <= offsets[0] <= offsets[-1] <= len(encoded):
        raise ValueError(f"{part}_offsets that do not rise, or leave {part}_bytes")
    images = [encoded[start:end] for start, end in pairwise(offsets)]
    return images, archive[f"{part}_y"]
