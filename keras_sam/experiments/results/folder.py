"""The folder of a run: what a training leaves in it, and how it goes on after a stop."""

import contextlib
import json
import re
import shutil
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock
import numpy as np

from keras_sam.experiments.results import files
from keras_sam.experiments.results.files import RunError, write_whole
from keras_sam.experiments.results.seal import check_seal, seal

if TYPE_CHECKING:  # A report of finished runs needs no backend.
    import keras

SETTINGS = "settings.json"
LOCK = "lock"
CHECKPOINT = "epoch_{:05d}.weights.h5"
CHECKPOINTS = "epoch_*.weights.h5"
AVERAGE = "average_{:05d}.npz"
AVERAGES = "average_*.npz"
UNFINISHED = "unfinished_*"
EVALUATED = "evaluated.json"
LOG = "log.csv"
ENVIRONMENT = "environment.jsonl"
TENSORBOARD = "tensorboard"
# All that a run leaves but its lock, the settings last: without them it is no run any more.
OWN_FILES = (
    *("model.keras", "metrics.jsonl", "error.txt", CHECKPOINTS, "spectrum_*.npz", UNFINISHED),
    *(AVERAGES, EVALUATED, LOG, ENVIRONMENT, SETTINGS),
)


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
        self._remove(UNFINISHED)  # Of a process that was killed.
        text = json.dumps(self.settings, indent=2, sort_keys=True) + "\n"
        write_whole(self.path / SETTINGS, lambda path: path.write_text(text))
        self.error.unlink(missing_ok=True)

    def add_environment(self, line: dict[str, str]) -> None:
        """Notes with what a process trains the run, or a part of it."""
        with (self.path / ENVIRONMENT).open("a") as file:
            file.write(json.dumps(line) + "\n")

    def history(self) -> list[dict[str, Any]]:
        """Returns the metrics of each completed epoch, as a list of dictionaries.

        Raises:
            RunError: If their file is damaged; of a finished run also if it is not whole.
        """
        is_finished = self.finished  # What is finished now has its last line.
        lines = self._lines()
        if is_finished:
            files.check_model(self.model)
            files.check_ended(self.metrics, lines, self.settings.get("epochs"))
        return lines

    @property
    def has_diverged(self) -> bool:
        """Whether the last completed epoch ended the run, as its loss is not finite."""
        return any(map(files.has_diverged, self.history()[-1:]))

    @property
    def has_ended(self) -> bool:
        """Whether the last completed epoch ended the run, with more epochs to come or not."""
        return any(map(files.ends_run, self.history()[-1:]))

    def restore(self, model: "keras.Model") -> int:
        """Loads the last completed epoch into a compiled model.

        Args:
            model: A compiled and built `keras.Model`.

        Returns:
            Integer, the number of completed epochs.

        Raises:
            RunError: If none of the checkpoints can be loaded, or an epoch's metrics are lost.
        """
        completed = self._load_newest(model)
        # A line is written before its checkpoint: a stop between the two leaves one too many.
        lines = self._lines() if completed else []
        lines = [line for line in lines if line["epoch"] <= completed]
        if completed and (not lines or lines[-1]["epoch"] != completed):
            raise RunError(
                f"{self.metrics} must hold the metrics of {completed} epochs, as there is a "
                f"checkpoint of the last: {files.AGAIN}. Received: those of {len(lines)}"
            )
        self._write_history(lines)
        return completed

    def _load_newest(self, model: "keras.Model") -> int:
        """Loads the newest checkpoint that is whole; returns its epoch, 0 where there is none."""
        found: dict[int, Path] = {}
        for path in self.path.glob(CHECKPOINTS):
            if name := re.fullmatch(r"epoch_(\d+)\.weights\.h5", path.name):
                found[int(name[1])] = path
        damaged = None
        for epoch in sorted(found, reverse=True):
            try:
                check_seal(found[epoch])
                model.optimizer.build(model.trainable_variables)
                model.load_weights(found[epoch])
            except Exception as error:  # Whatever the bytes lead HDF5 and Keras to.
                damaged = RunError(
                    f"{found[epoch]} must hold the weights after epoch {epoch}: delete the file, "
                    f"and the run begins again. Received: {error}"
                )
            else:
                if damaged is not None:
                    print(f"{damaged}; the run goes on after epoch {epoch}", flush=True)
                return epoch
        if damaged is not None:
            raise damaged
        return 0

    def _lines(self) -> list[dict[str, Any]]:
        return files.metrics(self.metrics, is_sparse=bool(self.settings.get("steps")))

    def _write_history(self, history: list[dict[str, Any]]) -> None:
        lines = "".join(json.dumps(line) + "\n" for line in history)
        write_whole(self.metrics, lambda path: path.write_text(lines))

    def complete_epoch(self, model: "keras.Model", line: dict[str, Any]) -> None:
        """Adds an epoch's line to the metrics and replaces the checkpoint.

        Args:
            model: The `keras.Model` in training, with its optimizer.
            line: Dictionary of the epoch's metrics; `line["epoch"]` counts from 1.
        """
        self._write_history([*self._lines(), line])
        checkpoint = self.path / CHECKPOINT.format(line["epoch"])
        write_whole(checkpoint, lambda path: _save_sealed(model, path))
        self._remove(CHECKPOINTS, but=checkpoint)
        self._remove(AVERAGES, but=self.path / AVERAGE.format(line["epoch"]))

    def keep_average(self, epoch: int, count: int, average: list[np.ndarray]) -> None:
        """Keeps the mean of the weights beside the checkpoint of an epoch, and before it.

        Args:
            epoch: Integer, counted from 1.
            count: Integer, how many weights are in the mean.
            average: List of arrays.
        """
        path = self.path / AVERAGE.format(epoch)
        write_whole(path, lambda unfinished: np.savez(unfinished, count, *average))

    def average(self, epoch: int) -> tuple[int, list[np.ndarray]] | None:
        """The count and the mean that were kept at an epoch; `None` where there are none.

        Raises:
            RunError: If the file is damaged.
        """
        path = self.path / AVERAGE.format(epoch)
        if not path.is_file():
            return None
        try:
            with np.load(path) as arrays:  # A zip, which has a checksum for each array.
                count, *average = (arrays[name] for name in arrays.files)
        except Exception as error:  # Whatever the bytes lead NumPy to.
            raise RunError(
                f"{path} must hold the mean of the weights after epoch {epoch}: {files.AGAIN}. "
                f"Received: {error}"
            ) from error
        return int(count), average

    def finish(self, base_model: "keras.Model") -> None:
        """Saves the trained model.

        Args:
            base_model: The user's `keras.Model`, without any wrapper.
        """
        write_whole(self.model, base_model.save)
        self.tidy()

    def tidy(self) -> None:
        """Removes what a finished run needs no more, also where a stop left it."""
        for pattern in (CHECKPOINTS, AVERAGES, UNFINISHED):
            self._remove(pattern)

    def clear(self) -> None:
        """Removes what a run leaves, and nothing else; its lock stays, which may be another's."""
        shutil.rmtree(self.path / TENSORBOARD, ignore_errors=True)
        for pattern in OWN_FILES:
            self._remove(pattern)

    def _remove(self, pattern: str, but: Path | None = None) -> None:
        for path in self.path.glob(pattern):
            if path != but and (path.is_file() or path.is_symlink()):
                path.unlink(missing_ok=True)  # Another process may tidy up as well.

    def fail(self, error: Exception) -> None:
        """Keeps the traceback of an error that ended the run."""
        with contextlib.suppress(OSError):  # A full disk may be the very error.
            self.error.write_text("".join(traceback.format_exception(error)))


def _save_sealed(model: "keras.Model", path: Path) -> None:
    model.save_weights(path)
    seal(path)
