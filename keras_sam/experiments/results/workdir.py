"""The folder of an app's runs: what each run leaves, and how it goes on after a stop."""

import contextlib
import json
import os
import shutil
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock

if TYPE_CHECKING:  # A report of finished runs needs no backend.
    import keras

SETTINGS = "settings.json"
LOCK = "lock"
# They tell a work directory's runs apart; all other settings are common to them.
OWN_SETTINGS = (
    "epochs",
    "method",
    "method_arguments",
    "momentum",
    "num_batch_splits",
    "rho",
    "seed",
)
# How sharpness is measured on the way, where it is; no part of the training.
WATCH = ("watch", "watch_every", "watch_examples", "watch_rho")
CHECKPOINT = "epoch_{:05d}.weights.h5"


class RunFolder:
    """The files of one run, in `<workdir>/<method>/seed_<n>/`.

    Args:
        path: Path of the folder; it is made by `begin`.
        settings: Dictionary of the run's resolved settings.
    """

    def __init__(self, path: str | Path, settings: dict[str, Any]) -> None:
        self.path = Path(path)
        self.settings = settings
        self.model = self.path / "model.keras"
        self.metrics = self.path / "metrics.jsonl"
        self.error = self.path / "error.txt"

    @contextlib.contextmanager
    def claimed(self) -> Iterator[bool]:
        """Whether the run is this process's to train: of several, each run has one.

        The claim ends with the process, however that ends.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            claim = filelock.FileLock(self.path / LOCK).acquire(blocking=False)
        except filelock.Timeout:
            yield False
        else:
            with claim:
                yield True

    @property
    def finished(self) -> bool:
        """Whether the run's trained model is there."""
        return self.model.is_file()

    def begin(self) -> None:
        """Makes the folder and writes the settings."""
        self.path.mkdir(parents=True, exist_ok=True)
        for path in self.path.glob("unfinished_*"):  # Of a process that was killed.
            path.unlink()
        text = json.dumps(self.settings, indent=2, sort_keys=True) + "\n"
        write_whole(self.path / SETTINGS, lambda path: path.write_text(text))
        self.error.unlink(missing_ok=True)

    def history(self) -> list[dict[str, Any]]:
        """Returns the metrics of each completed epoch, as a list of dictionaries."""
        if not self.metrics.is_file():
            return []
        return [json.loads(line) for line in self.metrics.read_text().splitlines()]

    def restore(self, model: "keras.Model") -> int:
        """Loads the last completed epoch into a compiled model.

        Args:
            model: A compiled and built `keras.Model`.

        Returns:
            Integer, the number of completed epochs.
        """
        checkpoints = sorted(self.path.glob("epoch_*.weights.h5"))
        completed = int(checkpoints[-1].name.split("_")[1].split(".")[0]) if checkpoints else 0
        if checkpoints:
            model.optimizer.build(model.trainable_variables)
            model.load_weights(checkpoints[-1])
        # A line is written before its checkpoint: a stop between the two leaves one too many.
        self._write_history([line for line in self.history() if line["epoch"] <= completed])
        return completed

    def _write_history(self, history: list[dict[str, Any]]) -> None:
        lines = "".join(json.dumps(line) + "\n" for line in history)
        write_whole(self.metrics, lambda path: path.write_text(lines))

    def complete_epoch(self, model: "keras.Model", line: dict[str, Any]) -> None:
        """Adds an epoch's line to the metrics and replaces the checkpoint.

        Args:
            model: The `keras.Model` in training, with its optimizer.
            line: Dictionary of the epoch's metrics; `line["epoch"]` counts from 1.
        """
        self._write_history([*self.history(), line])
        older = list(self.path.glob("epoch_*.weights.h5"))
        write_whole(self.path / CHECKPOINT.format(line["epoch"]), model.save_weights)
        for path in older:
            path.unlink()

    def finish(self, base_model: "keras.Model") -> None:
        """Saves the trained model, which needs no checkpoint any more.

        Args:
            base_model: The user's `keras.Model`, without any wrapper.
        """
        write_whole(self.model, base_model.save)
        for path in self.path.glob("epoch_*.weights.h5"):
            path.unlink()

    def fail(self, error: Exception) -> None:
        """Keeps the traceback of an error that ended the run."""
        with contextlib.suppress(OSError):  # A full disk may be the very error.
            self.error.write_text("".join(traceback.format_exception(error)))


def write_whole(path: Path, write: Callable[[Path], Any]) -> None:
    """Writes under another name first, so that a stop never leaves half a file."""
    # Keras knows formats by the end of the name.
    unfinished = path.with_name(f"unfinished_{path.name}")
    try:
        write(unfinished)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def check(workdir: Path, folders: list[RunFolder], resume: bool, overwrite: bool) -> None:
    """Makes sure that a work directory belongs to the runs that are about to start.

    Args:
        workdir: Path.
        folders: List of `RunFolder`, the planned runs.
        resume: Whether to go on with what is there.
        overwrite: Whether what is there will be removed.

    Raises:
        ValueError: If the folder holds runs with other settings, or runs at all without
            `resume` or `overwrite`.
    """
    if workdir.exists() and not workdir.is_dir():
        raise ValueError(f"The work directory must be a folder. Received: --workdir={workdir}")
    if overwrite:
        return
    present = _runs_in(workdir)
    planned = {folder.path / SETTINGS: folder.settings for folder in folders}
    for path in present:
        _check_same(path, planned.get(path), folders[0].settings)
    if present and not resume:
        raise ValueError(
            f"{workdir} holds runs already: add --resume to go on with them or --overwrite to "
            f"remove them, or choose another folder. Received: --workdir={workdir}"
        )


def clear(workdir: Path) -> None:
    """Removes the runs in a work directory, and nothing else."""
    for path in _runs_in(workdir):
        shutil.rmtree(path.parent)


def _runs_in(workdir: Path) -> list[Path]:
    return sorted(workdir.glob(f"*/seed_*/{SETTINGS}"))


def _check_same(path: Path, planned: dict[str, Any] | None, any_planned: dict[str, Any]) -> None:
    """Compares a run that is there with its plan, or with what all planned runs share."""
    try:
        there = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(
            f"{path} must hold a run's settings: remove its folder or choose another --workdir. "
            f"Received: {error}"
        ) from error
    expected = planned or {k: v for k, v in any_planned.items() if k not in OWN_SETTINGS}
    # Through JSON, in which tuples and infinities look the same on both sides.
    expected = json.loads(json.dumps(expected))
    differing = [key for key in expected if there.get(key) != expected[key]]
    if differing:
        raise ValueError(
            f"{path.parent} holds a run with other settings: choose another --workdir. Received: "
            + ", ".join(f"{key}={expected[key]} instead of {there.get(key)}" for key in differing)
        )
