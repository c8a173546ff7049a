"""What a finished run's network makes of other images, and what it does once it was changed."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from keras_sam.experiments.results.files import RunError, write_whole
from keras_sam.experiments.results.folder import EVALUATED

CORRUPTED = "corrupted"
COMPRESSED = "compressed"
SECOND_TASK = "second_task"
CLASS_SIZES = "class_sizes"
APART = (COMPRESSED, SECOND_TASK, CLASS_SIZES)  # They have tables of their own.


def read(folder: Path) -> dict[str, Any]:
    """The errors that a run's folder holds.

    Args:
        folder: Path of a run's folder.

    Returns:
        Dictionary from a data set's name to the share of wrong answers; under `"corrupted"` a
        dictionary from a corruption to a list of five, one a strength; under `"compressed"`,
        `"second_task"` and `"class_sizes"` one from what was done to the network, or which classes
        of it, to a list of one.

    Raises:
        RunError: If their file is damaged.
    """
    path = folder / EVALUATED
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        for errors in found.values():
            flat = [*errors.values()] if isinstance(errors, dict) else [errors]
            if not np.all((np.array(flat, float) >= 0) & (np.array(flat, float) <= 1)):
                raise ValueError(f"an error of {errors}")
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise RunError(
            f"{path} must hold the errors of a trained network: delete the file, and the same "
            f"command with --resume tests it again. Received: {error}"
        ) from error
    return found


def write(folder: Path, errors: dict[str, Any]) -> None:
    """Adds errors to those that a run's folder holds."""
    text = json.dumps(read(folder) | errors, indent=2) + "\n"
    write_whole(folder / EVALUATED, lambda path: path.write_text(text, encoding="utf-8"))


def means(errors: dict[str, Any]) -> dict[str, float]:
    """One number for each data set, in percent: of corrupted images the mean corruption error.

    What is of a changed network, or of some classes, is left to the tables of `afterwards`.

    Args:
        errors: Dictionary that `read` returned.

    Returns:
        Dictionary from a name to a float.
    """
    return {
        name: 100 * float(np.mean([*found.values()] if isinstance(found, dict) else found))
        for name, found in errors.items()
        if name not in APART
    }
