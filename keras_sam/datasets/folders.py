"""Reads folders of images: a folder for each class."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from keras_sam.datasets.images import opened
from keras_sam.datasets.selection import balanced

Listed: TypeAlias = tuple[list[Path], np.ndarray]  # Images and their labels.

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif", ".ppm")
TEST_NAMES = ("test", "val", "validation")
TEST_SHARE = 0.2  # Of a folder that is not split,
SPLIT_SEED = 0  # always in the same way.


def read_folder(folder: str | Path) -> tuple[Listed, Listed, tuple[str, ...]]:
    """Lists the images of a folder `train/<class>/…` with `test/`, `val/` or `validation/`.

    A folder of classes alone is split: a fifth of the images, class-balanced and always the same
    ones, are to test on. Files whose names do not end as those of images are left out.

    Args:
        folder: Path.

    Returns:
        `(training paths, labels), (test paths, labels), names of the classes`.

    Raises:
        FileNotFoundError: If there is no such folder, or no test part beside `train/`.
        ValueError: If there are fewer than two classes, a class has no image, the test part has
            a class of its own, or a file is no image.

    Example:

    >>> from keras_sam.datasets.folders import read_folder
    >>> train, test, names = read_folder("photographs")  # doctest: +SKIP
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(
            "data_dir must be a folder train/<class>/<image> with test/ or val/ beside train/, or "
            f"<class>/<image>. Received: {str(folder)!r}, which is not a folder"
        )
    if not (folder / "train").is_dir():
        names = _class_names(folder)
        return *_split(*_listed(folder, names)), names
    names = _class_names(folder / "train")
    tests = [folder / name for name in TEST_NAMES if (folder / name).is_dir()]
    if not tests:
        raise FileNotFoundError(
            f"Beside train/ one of {', '.join(TEST_NAMES)} is needed. Received: {str(folder)!r}"
        )
    strange = sorted(set(_subfolders(tests[0])) - set(names))
    if strange:
        raise ValueError(
            f"Every class to test on needs a folder in {folder / 'train'}. "
            f"Received: {', '.join(strange)} in {tests[0]}"
        )
    return _listed(folder / "train", names), _listed(tests[0], names), names


def _subfolders(folder: Path) -> list[str]:
    return sorted(
        path.name for path in folder.iterdir() if path.is_dir() and path.name[0] not in "._"
    )


def _class_names(folder: Path) -> tuple[str, ...]:
    names = _subfolders(folder)
    if len(names) < 2:
        raise ValueError(
            f"{folder} must hold a folder of images for each of two classes or more. "
            f"Received: {', '.join(names) or 'no folder'}"
        )
    return tuple(names)


def _listed(folder: Path, names: Sequence[str]) -> Listed:
    paths, labels = [], []
    for label, name in enumerate(names):
        files = sorted(folder.joinpath(name).rglob("*")) if (folder / name).is_dir() else []
        images = [path for path in files if _is_image(path.relative_to(folder / name), path)]
        if not images:
            raise ValueError(
                f"{folder / name} must hold at least one image ({', '.join(SUFFIXES)}). "
                f"Received: {len(files)} other files"
            )
        paths += images
        labels += [label] * len(images)
    _check_headers(paths)
    return paths, np.array(labels, "int32")


def _is_image(place: Path, path: Path) -> bool:
    """Whether a file is named as an image; what a system hides (`._1.png`) is left out."""
    is_hidden = any(part.startswith(".") for part in place.parts)
    return path.suffix.lower() in SUFFIXES and not is_hidden and not path.is_dir()


def _check_headers(paths: list[Path]) -> None:
    """Refuses files that only look like images; decoding them all would take too long."""
    for path in paths:
        with opened(path):
            pass


def _split(paths: list[Path], labels: np.ndarray) -> tuple[Listed, Listed]:
    order = np.random.default_rng(SPLIT_SEED).permutation(len(labels))
    number = max(round(TEST_SHARE * len(labels)), 1)
    test = np.sort(order[balanced(labels[order], number)])
    train = np.setdiff1d(np.arange(len(labels)), test)
    parts = [([paths[i] for i in part], labels[part]) for part in (train, test)]
    return parts[0], parts[1]
