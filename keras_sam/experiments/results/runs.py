"""The runs of a report: what their folders hold, and which of them count."""

import dataclasses
import functools
import json
import math
import re
from pathlib import Path

from keras_sam.experiments.results.workdir import SETTINGS, RunFolder

FINISHED = "finished"
UNFINISHED = "unfinished"
FAILED = "failed"
DIVERGED = "diverged"


@dataclasses.dataclass(frozen=True)
class Run:
    """One training, in its folder.

    Args:
        path: Path of the folder.
        settings: Dictionary of the resolved settings, with a `"method"` and a `"seed"`.
        state: `"finished"`, `"unfinished"`, `"failed"` or `"diverged"`.
        history: List of dictionaries, the metrics of each epoch; empty unless finished.
    """

    path: Path
    settings: dict
    state: str
    history: list

    @property
    def seed(self):
        """Integer."""
        return self.settings["seed"]

    @property
    def accuracy(self):
        """Accuracy on the test images after the last epoch, in percent."""
        return 100 * self.history[-1]["val_accuracy"]

    @property
    def top5_error(self):
        """Top-5 error on the test images, in percent; `None` where it was not measured."""
        last = self.history[-1]
        found = [last[key] for key in last if re.match(r"val_top_?5", key)]
        return 100 * (1 - found[0]) if found else None

    @property
    def loss(self):
        """Loss of the last epoch on the training images; `None` where it was not kept."""
        return self.history[-1].get("loss")

    @functools.cached_property
    def times(self):
        """Seconds of training until the end of each epoch, without evaluation if it was timed."""
        spent = [line.get("train_seconds", line.get("seconds", math.nan)) for line in self.history]
        return [math.fsum(spent[: epoch + 1]) for epoch in range(len(spent))]

    @property
    def trouble(self):
        """Why the run is in no mean, in words."""
        planned = self.settings.get("epochs", "?")
        if self.state == FAILED:
            return f"failed: {_last_line(self.path / 'error.txt')}"
        if self.state == UNFINISHED:
            return f"unfinished: {_count_lines(self.path / 'metrics.jsonl')} of {planned} epochs"
        return "diverged: a loss is not finite"


def find(folders):
    """The runs below some folders.

    Args:
        folders: List of paths.

    Returns:
        List of `Run`, in the order of their paths.

    Raises:
        ValueError: If there are none, one cannot be read, or two are the same run.
    """
    paths = {
        path.resolve(): path
        for folder in map(Path, folders)
        for path in sorted(folder.rglob(f"seed_*/{SETTINGS}"))
    }
    if not paths:
        raise ValueError(
            f"There is no run: folders with runs hold <method>/seed_<n>/{SETTINGS} at some depth. "
            f"Received: --runs={','.join(map(str, folders))}"
        )
    return [_read(path) for path in paths.values()]


def _read(path):
    settings = _parsed(path, path.read_text)
    if not isinstance(settings, dict) or not {"method", "seed"} <= set(settings):
        raise ValueError(f"The settings of a run must have a method and a seed. Received: {path}")
    folder = RunFolder(path.parent, settings)
    if folder.error.is_file():
        return Run(path.parent, settings, FAILED, [])
    if not folder.finished:
        return Run(path.parent, settings, UNFINISHED, [])
    history = _parsed(folder.metrics, lambda: folder.history())
    if not history or not all("val_accuracy" in line for line in history):
        raise ValueError(
            "The metrics of a finished run must have a val_accuracy for each epoch. "
            f"Received: {folder.metrics}"
        )
    return Run(
        path.parent, settings, FINISHED if all(map(_is_finite, history)) else DIVERGED, history
    )


def _parsed(path, read):
    """What `read` gives, or an error that names the file."""
    try:
        found = read()
        return json.loads(found) if isinstance(found, str) else found
    except (OSError, ValueError) as error:
        raise ValueError(
            f"A file of a run cannot be read: mend it or leave its folder out. Received: {path} "
            f"({error})"
        ) from error


def _is_finite(line):
    return all(math.isfinite(line.get(key, 0.0)) for key in ("loss", "val_loss"))


def _last_line(path):
    lines = path.read_text(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "no reason given")


def _count_lines(path):
    # Only whole lines: a run that is killed can leave half of one.
    return path.read_bytes().count(b"\n") if path.is_file() else 0
