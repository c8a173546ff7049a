"""Archives of NumPy, and errors that name the file that is damaged."""

import contextlib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.lib.npyio import NpzFile

from keras_sam.checks import shown


@contextlib.contextmanager
def damage_reported(path: str | Path, expected: str) -> Iterator[None]:
    """Turns the errors of a damaged file, which may be any, into one that names it.

    Args:
        path: Path.
        expected: String, what the file must be.

    Returns:
        A context manager.

    Raises:
        ValueError: If the file is damaged.
    """
    try:
        yield
    except ImportError:  # Of a package that reads the file.
        raise
    except Exception as error:
        raise ValueError(
            f"{path} must be {expected}: copy it again. Received: {shown(error)}"
        ) from error


@contextlib.contextmanager
def opened_archive(path: str | Path, expected: str) -> Iterator[NpzFile]:
    """An archive of arrays.

    Args:
        path: Path of an `.npz` file.
        expected: String, what the file must be.

    Returns:
        A context manager that gives a `numpy.lib.npyio.NpzFile`.

    Raises:
        ValueError: If the file is damaged or no archive.

    Example:

    >>> from keras_sam.datasets.archives import opened_archive
    >>> with opened_archive("weights.npz", "an archive of NumPy") as archive:  # doctest: +SKIP
    ...     names = archive.files
    """
    # NumPy takes what is no archive for a pickle.
    with damage_reported(path, expected), zipfile.ZipFile(path), np.load(path) as archive:
        yield archive
