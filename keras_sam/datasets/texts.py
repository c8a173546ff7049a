"""Any folder of text files, a folder for each class."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from keras_sam.datasets.dataset import Dataset
from keras_sam.datasets.folders import Files, read_folder
from keras_sam.datasets.selection import balanced
from keras_sam.datasets.words import encode, words

MOST_WORDS = 256  # That are read of a text: attention costs their square.
TEXTS = Files("text file", (".txt",), lambda path: None)


def text_folder(
    data_dir: str | Path | None = None,
    num_train: int | None = None,
    num_test: int | None = None,
    image_size: int | tuple[int, int] | None = None,
) -> Dataset:
    """Loads any folder of text files, `train/<class>/*.txt` with `test/`, or `<class>/*.txt`.

    Args:
        data_dir: Path of the folder. Without a test part a fifth of the files, class-balanced and
            always the same ones, are to test on.
        num_train: Integer, how many training texts to keep, class-balanced. Defaults to all.
        num_test: Integer, how many test texts to keep, class-balanced. Defaults to all.
        image_size: `None`: texts have no such thing.

    Returns:
        A `Dataset` with texts (examples, words) as `encode` makes them: as long as the longest
        one to train on, with 256 words at most.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If there are fewer than two classes, a class has too few files, or a file is
            not text in UTF-8 or has no word.

    Example:

    >>> from keras_sam import datasets
    >>> data = datasets.get("text_folder", "letters")  # doctest: +SKIP
    """
    if data_dir is None:
        raise ValueError("data_dir must be the folder of the texts. Received: data_dir=None")
    check_no_size("text_folder", image_size)
    (train, y_train), (test, y_test), names = read_folder(data_dir, TEXTS)
    parts = [
        (list(map(_read, paths)), labels) for paths, labels in zip((train, test), (y_train, y_test))
    ]
    return assemble("text_folder", parts, (num_train, num_test), names)


def _read(path: Path) -> str:
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} must be text in UTF-8: save it as such or remove it. Received: {error}"
        ) from error
    if not words(text):
        raise ValueError(
            f"{path} must hold a word at least: remove it. Received: {len(text)} other characters"
        )
    return text


def check_no_size(name: str, image_size: int | tuple[int, int] | None) -> None:
    """Refuses the size of images for texts.

    Raises:
        ValueError: If there is one.
    """
    if image_size is not None:
        raise ValueError(
            f"{name} has texts: leave image_size out. Received: image_size={image_size}"
        )


def assemble(
    name: str,
    parts: Sequence[tuple[list[str], np.ndarray]],
    numbers: tuple[int | None, int | None],
    class_names: Sequence[str],
) -> Dataset:
    """Puts a data set of texts together.

    Args:
        name: String.
        parts: Pair of texts and integer labels, to train and to test on.
        numbers: Pair of integers or `None`, how many of them to keep, class-balanced.
        class_names: Tuple of strings.

    Returns:
        A `Dataset`.

    Example:

    >>> from keras_sam.datasets.texts import assemble
    >>> part = ["one text", "another text here"], np.array([0, 1])
    >>> assemble("two", [part, part], (None, None), ("a", "b")).x_train.shape
    (2, 3)
    """
    kept = []
    for (texts, labels), number in zip(parts, numbers, strict=True):
        keep = balanced(labels, number)
        kept.append(([texts[i] for i in keep], np.asarray(labels)[keep]))
    length = min(max(len(words(text)) for text in kept[0][0]), MOST_WORDS)
    (x_train, y_train), (x_test, y_test) = ((encode(texts, length), y) for texts, y in kept)
    return Dataset(
        x_train,
        y_train,
        x_test,
        y_test,
        num_classes=len(class_names),
        name=name,
        class_names=tuple(class_names),
    )
