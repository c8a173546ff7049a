"""Real text that comes with what is installed: paragraphs of docstrings, to be told by library."""

import ast
import importlib.util
import itertools
import re
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import numpy as np

from keras_sam.datasets.dataset import Dataset
from keras_sam.datasets.texts import assemble, check_no_size
from keras_sam.datasets.words import words

LIBRARIES = (
    *("jax", "keras", "matplotlib", "numpy", "optuna"),
    *("pandas", "scipy", "sklearn", "tensorflow", "torch"),
)
# To spot a library's name is no task.
NAMES = {*LIBRARIES, "jnp", "lax", "np", "pd", "plt", "pyplot", "pytorch", "scikit", "tf"}
PARAGRAPHS = 500  # Of each library,
OF_A_MODULE = 20  # and of each of its modules at most.
Documented: TypeAlias = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
FEWEST_WORDS, MOST_WORDS = 10, 64
EVERY_TEST = 5  # Each fifth module is to test on.


def docstrings(
    data_dir: str | Path | None = None,
    num_train: int | None = None,
    num_test: int | None = None,
    image_size: int | tuple[int, int] | None = None,
) -> Dataset:
    """Loads paragraphs of the docstrings of installed libraries, labelled by library.

    The libraries are those of `LIBRARIES` that are installed, 500 paragraphs each. Their
    sources are read and nothing of them is imported; the same versions give the same texts. No
    module has paragraphs in both parts, no paragraph comes twice, and words that name a library are
    left out.

    Args:
        data_dir: Not needed, and ignored: the texts come with the libraries.
        num_train: Integer, how many training texts to keep, class-balanced. Defaults to all.
        num_test: Integer, how many test texts to keep, class-balanced. Defaults to all.
        image_size: `None`: texts have no such thing.

    Returns:
        A `Dataset` with texts (examples, 64) as `encode` makes them.

    Raises:
        ImportError: If fewer than two of the libraries are installed.
        ValueError: If more texts are asked for than there are.

    Example:

    >>> from keras_sam import datasets
    >>> data = datasets.docstrings(num_train=100, num_test=50)  # doctest: +SKIP
    >>> data.x_train.shape, data.class_names[:2]  # doctest: +SKIP
    ((100, 64), ('jax', 'keras'))
    """
    check_no_size("docstrings", image_size)
    folders = {name: folder for name in LIBRARIES if (folder := _folder(name)) is not None}
    if len(folders) < 2:
        raise ImportError(
            f"docstrings needs two of these libraries at least: install {', '.join(LIBRARIES)}. "
            f"Received: {', '.join(folders) or 'none'}"
        )
    parts: tuple[list, list] = [], []
    seen: set[str] = set()
    for label, folder in enumerate(folders.values()):
        for is_test, text in itertools.islice(_texts(folder, seen), PARAGRAPHS):
            parts[is_test].append((text, label))
    return assemble(
        "docstrings",
        [([text for text, _ in part], np.array([y for _, y in part])) for part in parts],
        (num_train, num_test),
        tuple(folders),
    )


def _folder(library: str) -> Path | None:
    """Where a library's sources are, if it is installed; nothing is imported."""
    found = importlib.util.find_spec(library)
    return Path(found.origin).parent if found and found.origin else None


def _texts(folder: Path, seen: set[str]) -> Iterator[tuple[bool, str]]:
    """Paragraphs that are not in `seen`, and whether they are to test on."""
    number = 0
    for path in _modules(folder):
        new = (text for text in _paragraphs(path) if text not in seen)
        found = list(itertools.islice(dict.fromkeys(new), OF_A_MODULE))
        seen.update(found)
        is_test = number % EVERY_TEST == EVERY_TEST - 1
        yield from ((is_test, text) for text in found)
        number += bool(found)


def _modules(folder: Path) -> list[Path]:
    """A library's modules but its tests, in an order that has nothing to do with their subjects."""
    places = {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*.py")
        if not re.search(r"(^|[/_])(tests?|testing|conftest)[/_.]", str(path.relative_to(folder)))
    }
    return [places[place] for place in sorted(places, key=lambda p: (zlib.crc32(p.encode()), p))]


def _paragraphs(path: Path) -> Iterator[str]:
    """The prose of a module's docstrings, a string of words for each paragraph."""
    for docstring in _docstrings(path):
        for paragraph in re.split(r"\n\s*\n", docstring):
            found = [word for word in words(paragraph) if word not in NAMES]
            if ">>>" not in paragraph and "---" not in paragraph and len(found) >= FEWEST_WORDS:
                yield " ".join(found[:MOST_WORDS])


def _docstrings(path: Path) -> Iterator[str]:
    try:
        with warnings.catch_warnings(action="ignore"):  # Of escapes in others' strings.
            tree = ast.parse(path.read_text("utf-8"))
    except (SyntaxError, ValueError):  # A template, or a file for another Python.
        return
    for node in _documented(tree):
        if text := ast.get_docstring(node):
            yield text


def _documented(node: Documented) -> Iterator[Documented]:
    """A module, class or function and those in it, without a look into every expression."""
    yield node
    for child in node.body:
        if isinstance(child, Documented):
            yield from _documented(child)
