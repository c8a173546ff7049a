"""The files of a run: the one place that reads and checks them, for trainings and for reports."""

import json
import math
import os
import zipfile
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, NoReturn

# What a setting is, where it has a value; of others nothing is expected.
WORDS = (
    *("method", "model", "dataset", "preset", "optimizer", "schedule", "backend"),
    *("data_dir", "inputs", "noise_kind", "padding"),
)
WHOLE = (
    *("seed", "epochs", "plain_epochs", "base_epochs", "steps", "batch_size"),
    *("num_train", "num_test", "num_batch_splits", "image_size"),
)
NUMBERS = (
    *("rho", "momentum", "label_noise", "holdout", "imbalance", "learning_rate", "weight_decay"),
    *("label_smoothing", "warmup_epochs", "clipnorm", "mixup_alpha", "dropout", "until_loss"),
)
FITTED = "fitted"  # Of an epoch's metrics, with --until_loss: whether it has been the last.
AGAIN = "remove the run's folder and train it again, or leave it out"


class RunError(ValueError):
    """What is in a work directory is not what a run needs there."""


def _refuse(path: Path, expected: str, how: str, received: object) -> NoReturn:
    raise RunError(f"{path} must hold {expected}: {how}. Received: {received}")


def settings(path: Path, needed: Collection[str] = ("method", "seed")) -> dict[str, Any]:
    """The settings of a run.

    Args:
        path: Path of a `settings.json`.
        needed: Names of the settings that must have a value. Defaults to the method and the seed.

    Returns:
        Dictionary.

    Raises:
        RunError: If the file is no run's.
    """
    expected = "the settings of a run"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        _refuse(path, expected, AGAIN, error)
    if not isinstance(found, dict):
        _refuse(path, expected, AGAIN, f"a {type(found).__name__} of JSON")
    missing = [name for name in needed if found.get(name) is None]
    if missing:
        _refuse(path, expected, AGAIN, f"no {', '.join(missing)}")
    for name, value in found.items():
        if value is not None and not _is_setting(name, value):
            _refuse(path, expected, AGAIN, f"{name}={value!s:.60}")
    return found


def _is_setting(name: str, value: Any) -> bool:
    if name in WORDS:
        return isinstance(value, str)
    if name in WHOLE:
        return _is_number(value) and isinstance(value, int) and value >= 0
    if name == "method_arguments":
        return isinstance(value, dict)
    return _is_number(value) if name in NUMBERS else True


def metrics(path: Path, is_sparse: bool = False) -> list[dict[str, Any]]:
    """The metrics of each evaluated epoch of a run.

    Args:
        path: Path of a `metrics.jsonl`, which need not be there.
        is_sparse: Whether not every epoch was evaluated. Defaults to `False`.

    Returns:
        List of dictionaries from a name to a number, in the order of their `"epoch"`s.

    Raises:
        RunError: If a line is damaged, or one is missing between others.
    """
    expected = "a line of JSON with numbers for each epoch"
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        lines = [json.loads(line) for line in text.splitlines()]
    except (OSError, ValueError, RecursionError) as error:
        _refuse(path, expected, AGAIN, error)
    step = lines[0]["epoch"] if is_sparse and lines and _wrong(lines[0]) is None else 1
    for number, line in enumerate(lines, start=1):
        if (wrong := _wrong(line)) is not None:
            _refuse(path, expected, AGAIN, f"{wrong:.80} in line {number}")
        if line["epoch"] != number * step:
            _refuse(path, expected, AGAIN, f"epoch {line['epoch']} in line {number}")
    return lines


def _wrong(line: Any) -> str | None:
    """What is wrong with an epoch's metrics."""
    if not isinstance(line, dict):
        return f"a {type(line).__name__}"
    for name in ("epoch", "val_accuracy"):
        if name not in line:
            return f"no {name}"
    for name, value in line.items():
        if not _is_number(value):
            return f"{name}={value!r}"
    if not isinstance(line["epoch"], int) or line["epoch"] < 1:
        return f"epoch={line['epoch']}"
    accuracy = line["val_accuracy"]
    return None if 0 <= accuracy <= 1 else f"val_accuracy={accuracy}"


def _is_number(value: Any) -> bool:
    """Whether JSON has a number there that a float can be, NaN and infinities included."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, float) or abs(value) < 2**1000


def has_diverged(line: Mapping[str, float]) -> bool:
    """Whether an epoch's metrics show a training that will not come back.

    Args:
        line: Dictionary of an epoch's metrics.

    Returns:
        Bool.
    """
    return not all(math.isfinite(line.get(key, 0.0)) for key in ("loss", "val_loss"))


def ends_run(line: Mapping[str, float]) -> bool:
    """Whether no epoch follows this one, be it the last or not.

    Args:
        line: Dictionary of an epoch's metrics.

    Returns:
        Bool: it has diverged, or has learned what it was to learn.
    """
    return has_diverged(line) or bool(line.get(FITTED))


def check_ended(path: Path, lines: list[dict[str, Any]], epochs: int | None) -> None:
    """Refuses the metrics of a finished run that end before its last epoch.

    Args:
        path: Path of their file.
        lines: List of dictionaries, the metrics.
        epochs: Integer, the last epoch; `None` if it is not known.

    Raises:
        RunError: If epochs are missing.
    """
    last = lines[-1] if lines else {"epoch": 0}
    if not lines or (epochs not in (None, last["epoch"]) and not ends_run(last)):
        expected = f"the metrics of {epochs or 'all'} epochs, as the run is finished"
        _refuse(path, expected, AGAIN, f"those up to epoch {last['epoch']}")


def command_line(path: Path) -> str:
    """The command with which a comparison was made.

    Args:
        path: Path of a `table.txt`.

    Returns:
        String; empty where the file has none.

    Raises:
        RunError: If the file is no text.
    """
    try:
        first = path.read_text(encoding="utf-8").partition("\n")[0]
    except (OSError, ValueError) as error:
        _refuse(path, "the table of a comparison", "delete the file, or leave the runs out", error)
    return first if "python " in first else ""


def check_model(path: Path) -> None:
    """Refuses a file that is no whole model of Keras's; its weights are not looked at.

    Args:
        path: Path of a `model.keras`.

    Raises:
        RunError: If it is none.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            archive.getinfo("config.json")
    except Exception as error:  # Whatever the bytes lead `zipfile` to.
        how = "delete the file, and the run is trained again"
        _refuse(path, "a whole model of Keras", how, error)


def write_whole(path: Path, write: Callable[[Path], Any]) -> None:
    """Writes under another name first, so that a stop never leaves half a file."""
    # Keras knows formats by the end of the name.
    unfinished = path.with_name(f"unfinished_{path.name}")
    try:
        write(unfinished)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
