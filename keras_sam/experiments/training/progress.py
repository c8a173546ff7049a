"""How far a table is, and how long the rest of it takes."""

import collections
import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_sam import methods
from keras_sam.experiments.results import files
from keras_sam.experiments.results.folder import SETTINGS, RunFolder
from keras_sam.experiments.results.runs import DIVERGED, FAILED, UNFINISHED, read
from keras_sam.experiments.training.entries import PLAIN

# What makes an epoch longer, beside the passes of a method.
LIKE = ("model", "dataset", "num_train", "holdout", "image_size", "batch_size")
CYCLE = 20  # Steps over which the passes of a method are counted that acts on some.


@dataclasses.dataclass(frozen=True)
class State:
    """How far a run is.

    Args:
        settings: Dictionary of its planned settings.
        state: `"finished"`, `"unfinished"`, `"failed"` or `"diverged"`.
        share: Float, of its epochs that are over.
        seconds: Float, that these took.
    """

    settings: dict[str, Any]
    state: str
    share: float
    seconds: float

    @property
    def work(self) -> float:
        """The passes over images, in a unit that runs alike have in common."""
        amount = self.settings.get("steps") or self.settings["epochs"]
        return amount * _passes(self.settings)

    @property
    def left(self) -> float:
        """The work that is left; a failed run is tried again by the next command only."""
        return self.work * (1 - self.share) if self.state == UNFINISHED else 0.0

    @property
    def kinds(self) -> list[tuple]:
        """What the runs have in common by whose seconds to go, the nearest first."""
        unit = bool(self.settings.get("steps"))
        return [(unit, *(self.settings.get(key) for key in LIKE)), (unit,)]


def _passes(settings: dict[str, Any]) -> float:
    """The mean passes of a step."""
    if settings["method"] == PLAIN:
        return 1.0
    row = next(row for row in methods.list(detail=True) if row.name == settings["method"])
    options = row.own_options | settings["method_arguments"]
    return float(np.mean([row.cost.passes(options, step) for step in range(CYCLE)]))


def state(folder: RunFolder) -> State:
    """How far the run of a folder is, whatever process trains it.

    Args:
        folder: The `RunFolder`, with the planned settings.

    Returns:
        A `State`.
    """
    settings = folder.settings
    try:
        found = read(folder).state
        lines = files.metrics(folder.metrics, is_sparse=bool(settings.get("steps")))
        epochs = files.settings(folder.path / SETTINGS)["epochs"] if lines else 1
    except (files.RunError, KeyError):  # The run's own turn will tell what is wrong.
        return State(settings, UNFINISHED, 0.0, 0.0)
    over = lines[-1]["epoch"] if lines else 0
    seconds = sum(line.get("seconds", 0.0) for line in lines)
    return State(settings, found, min(over / epochs, 1.0), seconds)


def seconds_left(states: Sequence[State]) -> float | None:
    """How long one process needs for what is left.

    Args:
        states: Sequence of `State`, of all runs.

    Returns:
        Float, seconds; `None` as long as nothing can be said.
    """
    spent: dict[tuple, np.ndarray] = collections.defaultdict(lambda: np.zeros(2))
    for one in states:
        for kind in one.kinds:
            spent[kind] += (one.seconds, one.work * one.share)
    total = 0.0
    for one in (one for one in states if one.left):
        known = next((spent[kind] for kind in one.kinds if spent[kind].all()), None)
        if known is None:
            return None
        total += one.left * known[0] / known[1]
    return total


def described(states: Sequence[State]) -> str:
    """How many runs are over, and how long the others take, in words."""
    text = f"{counted(states)} runs"
    if all(one.state != UNFINISHED for one in states):
        return text
    left = seconds_left(states)
    if left is None:
        return f"{text}; how long the rest takes can be told after the first epochs"
    return f"{text}; the rest takes one process about {duration(left)}"


def counted(states: Sequence[State]) -> str:
    """How many runs are done, and how many of these did not end well: `"3 of 4 (1 failed)"`."""
    counts = collections.Counter(one.state for one in states)
    text = f"{len(states) - counts[UNFINISHED]} of {len(states)}"
    trouble = [f"{counts[name]} {name}" for name in (FAILED, DIVERGED) if counts[name]]
    return f"{text} ({', '.join(trouble)})" if trouble else text


def duration(seconds: float) -> str:
    """A length of time, in words, as exact as an estimate is."""
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.{0 if seconds > 10 * length else 1}f} {unit}"
    return f"{max(seconds, 1):.0f} seconds"
