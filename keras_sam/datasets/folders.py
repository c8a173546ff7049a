"""Reads folders of images or texts: a folder for each class."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from keras_sam.datasets.images import opened
from keras_sam.datasets.selection import balanced

Listed: TypeAlias = tuple[list[Path], np.ndarray]  # Files and their labels.

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif", ".ppm")
TEST_NAMES = ("test", "val", "validation")
TEST_SHARE = 0.2  # Of a folder that is not split,
SPLIT_SEED = 0  # always in the same way.


@dataclass(frozen=True)
class Files:
    """What kind of files a folder is to hold.

    Args:
        name: String, what errors call one.
        suffixes: Tuple of strings, how their names end.
        check: Function of a path that raises the error of a file that only looks like one.
    """

    name: str
    suffixes: tuple[str, ...]
    check: Callable[[Path], None]


def _check_header(path: Path) -> None:
    """Refuses a file that only looks like an image; to decode them all would take too long."""
    with opened(path):
        pass


IMAGES = Files("image", SUFFIXES, _check_header)


def read_folder(
    folder: str | Path, files: Files = IMAGES
) -> tuple[Listed, Listed, tuple[str, ...]]:
    """Lists the files of a folder `train/<class>/…` with `test/`, `val/` or `validation/`.

    A folder of classes alone is split: a fifth of the files, class-balanced and always the same
    ones, are to test on. Files whose names do not end as those asked for are left out.

    Args:
        folder: Path.
        files: The kind of `Files`. Defaults to images.

    Returns:
        `(training paths, labels), (test paths, labels), names of the classes`.

    Raises:
        FileNotFoundError: If there is no such folder, or no test part beside `train/`.
        ValueError: If there are fewer than two classes, a class has no file, or a single one to
            train and to test on, the test part has a class of its own, or a file is no image.

    Example:

    >>> from keras_sam.datasets.folders import read_folder
    >>> train, test, names = read_folder("photographs")  # doctest: +SKIP
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"data_dir must be a folder train/<class>/<{files.name}> with test/ or val/ beside "
            f"train/, or <class>/<{files.name}>. Received: {str(folder)!r}, which is not a folder"
        )
    if not (folder / "train").is_dir():
        names = _class_names(folder, files)
        return *_split(folder, names, *_listed(folder, names, files)), names
    names = _class_names(folder / "train", files)
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
    return _listed(folder / "train", names, files), _listed(tests[0], names, files), names


def _subfolders(folder: Path) -> list[str]:
    return sorted(
        path.name for path in folder.iterdir() if path.is_dir() and path.name[0] not in "._"
    )


def _class_names(folder: Path, files: Files) -> tuple[str, ...]:
    names = _subfolders(folder)
    if len(names) < 2:
        raise ValueError(
            f"{folder} must hold a folder of {files.name}s for each of two classes or more. "
            f"Received: {', '.join(names) or 'no folder'}"
        )
    return tuple(names)


def _listed(folder: Path, names: Sequence[str], files: Files) -> Listed:
    paths, labels = [], []
    for label, name in enumerate(names):
        every = sorted(folder.joinpath(name).rglob("*")) if (folder / name).is_dir() else []
        found = [path for path in every if _is_one(path.relative_to(folder / name), path, files)]
        if not found:
            raise ValueError(
                f"{folder / name} must hold at least one {files.name} "
                f"({', '.join(files.suffixes)}). Received: {len(every)} other files"
            )
        paths += found
        labels += [label] * len(found)
    for path in paths:
        files.check(path)
    return paths, np.array(labels, "int32")


def _is_one(place: Path, path: Path, files: Files) -> bool:
    """Whether a file is named as it should be; what a system hides (`._1.png`) is left out."""
    is_hidden = any(part.startswith(".") for part in place.parts)
    return path.suffix.lower() in files.suffixes and not is_hidden and not path.is_dir()


def _split(
    folder: Path, names: Sequence[str], paths: list[Path], labels: np.ndarray
) -> tuple[Listed, Listed]:
    for name, number in zip(names, np.bincount(labels), strict=True):
        if number < 2:
            raise ValueError(
                f"{folder / name} must hold two files at least, one to train and one to test on: "
                f"add some, or make the parts train/ and test/ yourself. Received: {number}"
            )
    order = np.random.default_rng(SPLIT_SEED).permutation(len(labels))
    number = max(round(TEST_SHARE * len(labels)), 1)
    test = np.sort(order[balanced(labels[order], number)])
    train = np.setdiff1d(np.arange(len(labels)), test)
    parts = [([paths[i] for i in part], labels[part]) for part in (train, test)]
    return parts[0], parts[1]
