"""Loads data sets of photographs from wherever they lie in a folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from keras_sam.datasets import checking, prepared
from keras_sam.datasets.dataset import Dataset
from keras_sam.datasets.folders import read_folder
from keras_sam.datasets.images import Images, LazyImages, Sources
from keras_sam.datasets.selection import balanced
from keras_sam.datasets.sources import BY_HAND, NOT_BUILT, SOURCES, Source

Labelled: TypeAlias = tuple[Sources, np.ndarray]


def photographs(
    name: str,
    data_dir: str | Path | None = None,
    num_train: int | None = None,
    num_test: int | None = None,
    image_size: int | tuple[int, int] | None = None,
) -> Dataset:
    """Loads a data set of `SOURCES` from what tensorflow-datasets prepared or a folder of images.

    Args:
        name: String, a key of `SOURCES`.
        data_dir: Path of a folder that holds `<name>/train/<class>/<image>` and `<name>/test/…`, or
            was the `--data_dir` of tensorflow-datasets.
        num_train: Integer, how many training images to keep, class-balanced. Defaults to all.
        num_test: Integer, how many test images to keep, class-balanced. Defaults to all.
        image_size: Integer or tuple (height, width) in pixels. Defaults to the source's.

    Returns:
        A `Dataset`. Images that differ in size are decoded and resized at each access.

    Raises:
        FileNotFoundError: If neither is there.
        ImportError: If a package that reads the files is missing.
        ValueError: If no folder is given, it has more or fewer classes than the data set, a file
            is damaged, or more images are asked for than there are.

    Example:

    >>> from keras_sam.datasets.photographs import photographs
    >>> data = photographs("food101", "data", image_size=380)  # doctest: +SKIP
    """
    source = SOURCES[name]
    if data_dir is None:
        raise ValueError(f"{how_to_prepare(source)} Received: data_dir=None")
    if not is_there(source, data_dir):
        raise FileNotFoundError(f"{how_to_prepare(source)} Received: data_dir={str(data_dir)!r}")
    folder = prepared.find(data_dir, source.prepared)
    train: Labelled
    test: Labelled
    if folder is None:
        train, test, names = read_folder(Path(data_dir, name))
        _check_classes(source, names, Path(data_dir, name))
    else:
        parts = [prepared.Part(folder, split) for split in (source.train, source.test)]
        train, test = ((part.sources, part.labels) for part in parts)
        names = parts[0].class_names
    return assemble(source, train, test, names, (num_train, num_test), image_size)


def _check_classes(source: Source, names: Sequence[str], folder: Path) -> None:
    if len(names) != source.num_classes:
        raise ValueError(
            f"{folder} must hold the {source.num_classes} classes of {source.name}; a folder of "
            f"other images is an image_folder. Received: {len(names)} classes"
        )


def is_there(source: Source, data_dir: str | Path) -> bool:
    """Whether a folder holds a data set in one of the two layouts.

    Args:
        source: A `Source`.
        data_dir: Path.

    Returns:
        Boolean.
    """
    if prepared.find(data_dir, source.prepared) is not None:
        return True
    folders = [path.name for path in Path(data_dir, source.name).glob("*/")]
    # Where a preparation was stopped, its folders alone are there.
    return any(not prepared.is_own(name) for name in folders)


def how_to_prepare(source: Source) -> str:
    """The clause of an error that says what to put where.

    Args:
        source: A `Source`.

    Returns:
        String.
    """
    folder = f"data_dir must hold {source.name}/train/<class>/<image> and {source.name}/test/…"
    if source.name in NOT_BUILT:
        return f"{folder}; nothing is downloaded."
    if source.name in BY_HAND:
        fetched = "nothing is downloaded."
    else:
        fetched = "the apps' --download or keras_sam.datasets.download fetches it."
    # One image at a time can be read from files of this format only.
    option = " --file_format=array_record" if source.name == "imagenet" else ""
    command = f"tfds build {source.prepared} --data_dir=<data_dir>{option}"
    return f"{folder}, or what `{command}` prepares; {fetched}"


def image_folder(
    data_dir: str | Path | None = None,
    num_train: int | None = None,
    num_test: int | None = None,
    image_size: int | tuple[int, int] | None = None,
) -> Dataset:
    """Loads any folder of images, `train/<class>/…` with `test/` or `val/`, or `<class>/…`.

    Args:
        data_dir: Path of the folder.
        num_train: Integer, how many training images to keep, class-balanced. Defaults to all.
        num_test: Integer, how many test images to keep, class-balanced. Defaults to all.
        image_size: Integer or tuple (height, width) in pixels. Defaults to `224`.

    Returns:
        A `Dataset`; images are decoded and resized at each access.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: As `read_folder`.

    Example:

    >>> from keras_sam import datasets
    >>> data = datasets.get("image_folder", "photographs", image_size=128)  # doctest: +SKIP
    """
    if data_dir is None:
        raise ValueError("data_dir must be the folder of the images. Received: data_dir=None")
    train, test, names = read_folder(data_dir)
    source = Source("image_folder", "", len(names))
    return assemble(source, train, test, names, (num_train, num_test), image_size)


def assemble(
    source: Source,
    train: Labelled,
    test: Labelled,
    names: Sequence[str],
    numbers: tuple[int | None, int | None],
    image_size: int | tuple[int, int] | None,
) -> Dataset:
    """Puts a data set together.

    Args:
        source: A `Source`.
        train: Tuple of sources as in `LazyImages`, and integer labels.
        test: The same.
        names: Tuple of strings, the classes.
        numbers: Tuple of two integers or `None`, how many of them to keep, class-balanced.
        image_size: Integer, tuple (height, width) or `None`.

    Returns:
        A `Dataset`.
    """
    size = checking.size_of(source.size if image_size is None else image_size)
    (x_train, y_train), (x_test, y_test) = (
        _kept(part, number, size, source, len(names))
        for part, number in zip((train, test), numbers, strict=True)
    )
    return Dataset(
        x_train,
        y_train,
        x_test,
        y_test,
        num_classes=len(names),
        name=source.name,
        shift=round(min(x_train.shape[1:3]) / 8),  # 4 pixels of 32.
        flip=source.flip,
        mean=source.statistics[0],
        deviation=source.statistics[1],
        class_names=tuple(names),
    )


def _kept(
    part: Labelled,
    number: int | None,
    size: tuple[int, int] | None,
    source: Source,
    classes: int,
) -> tuple[Images, np.ndarray]:
    sources, labels = part
    labels = checking.checked_labels(source.name, labels, classes, len(sources))
    keep = balanced(labels, number)
    return _images(sources, size, source.channels, keep), labels[keep]


def _images(
    sources: Sources, size: tuple[int, int] | None, channels: int, keep: np.ndarray
) -> Images:
    """Photographs to decode at each access, or all of them decoded where no size is asked for."""
    if size is not None:
        return LazyImages(sources, size, channels, keep)
    if isinstance(sources, np.ndarray):
        return sources[keep] if len(keep) < len(sources) else sources
    one = LazyImages(sources, (1, 1), channels).full_size(slice(1))[0]
    return LazyImages(sources, one.shape[:2], channels, keep)[:]
