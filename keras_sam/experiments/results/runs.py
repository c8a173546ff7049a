"""The runs of an app: what their folders hold, and which of them count."""

import dataclasses
import functools
import math
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from keras_sam.experiments.results.files import has_diverged, settings
from keras_sam.experiments.results.folder import SETTINGS, RunFolder

FINISHED = "finished"
UNFINISHED = "unfinished"
FAILED = "failed"
DIVERGED = "diverged"


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """One training, in its folder.

    Args:
        path: Path of the folder.
        settings: Dictionary of the resolved settings, with a `"method"` and a `"seed"`.
        state: `"finished"`, `"unfinished"`, `"failed"` or `"diverged"`.
        metrics: List of dictionaries, one an epoch; empty unless finished or diverged.
    """

    path: Path
    settings: dict
    state: str
    metrics: list[dict]

    @property
    def seed(self) -> int:
        """Integer."""
        return self.settings["seed"]

    @functools.cached_property
    def history(self) -> pd.DataFrame:
        """The metrics, a line an epoch; `training_time` are the seconds until its end.

        These leave evaluation out where it was timed.
        """
        found = pd.DataFrame(self.metrics, index=range(1, len(self.metrics) + 1))
        spent = found.reindex(columns=["train_seconds", "seconds"]).bfill(axis="columns")
        return found.assign(training_time=spent["train_seconds"].cumsum())

    @property
    def numbers(self) -> dict[str, float]:
        """What a finished run came to, in percent and seconds; NaN where it was not measured."""
        last = self.history.iloc[-1]
        top5 = last.filter(regex=r"^val_top_?5")
        return {
            "accuracy": 100 * last["val_accuracy"],
            "error": 100 - 100 * last["val_accuracy"],
            "top5_error": 100 * (1 - top5.iloc[0]) if len(top5) else math.nan,
            "loss": last.get("loss", math.nan),
            "train_accuracy": 100 * last.get("accuracy", math.nan),
            "training_time": last["training_time"],
            "time": self.history.get("seconds", pd.Series([math.nan])).sum(skipna=False),
        }

    @property
    def trouble(self) -> str:
        """Why the run is in no mean, in words."""
        planned = self.settings.get("epochs", "?")
        if self.state == FAILED:
            return f"failed: {_last_line(self.path / 'error.txt')}"
        if self.state == UNFINISHED:
            return f"unfinished: {_count_lines(self.path / 'metrics.jsonl')} of {planned} epochs"
        return "diverged: a loss is not finite"


def read(folder: RunFolder) -> Run:
    """What a run's folder holds, which need not be there yet.

    Args:
        folder: The `RunFolder`.

    Returns:
        A `Run`.

    Raises:
        ValueError: If a file of a finished run is damaged.
    """
    state, lines = FAILED if folder.error.is_file() else UNFINISHED, []
    if state != FAILED and folder.finished:
        lines = folder.history()
        state = DIVERGED if any(map(has_diverged, lines)) else FINISHED
    return Run(folder.path, folder.settings, state, lines)


def find(folders: Iterable[str | Path]) -> list[Run]:
    """The runs below some folders.

    Args:
        folders: Paths.

    Returns:
        List of `Run`, in the order of their paths.

    Raises:
        ValueError: If there are none, one cannot be read, or two are the same run.
    """
    folders = list(folders)
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
    return [read(RunFolder(path.parent, settings(path))) for path in paths.values()]


def _last_line(path: Path) -> str:
    lines = path.read_text(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "no reason given")


def _count_lines(path: Path) -> int:
    # Only whole lines: a run that is killed can leave half of one.
    return path.read_bytes().count(b"\n") if path.is_file() else 0
