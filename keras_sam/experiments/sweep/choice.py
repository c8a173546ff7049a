"""What a sweep found: the best point, and the table."""

import dataclasses

import numpy as np

from keras_sam.experiments.results.outcomes import Outcome
from keras_sam.experiments.results.table import aligned, spread
from keras_sam.experiments.sweep.points import Point

ALIKE = 9  # Decimals up to which two means are the same.


class UndecidedError(ValueError):
    """There is nothing to choose from yet, as other processes still train."""


@dataclasses.dataclass(frozen=True)
class Result:
    """What came of a point.

    Args:
        point: The `Point`.
        outcome: The `Outcome` of its runs.
        is_pruned: Whether it was ended early, as it lagged behind. Defaults to `False`.
    """

    point: Point
    outcome: Outcome
    is_pruned: bool = False

    @property
    def score(self) -> float | None:
        """Mean accuracy in percent; `None` if a run of the point failed or diverged."""
        if self.trouble:
            return None
        return round(float(np.mean(self.outcome.accuracies)), ALIKE)

    @property
    def trouble(self) -> str:
        """Why it cannot be chosen, in words; empty where it can."""
        return "pruned" if self.is_pruned else self.outcome.trouble

    @property
    def is_open(self) -> bool:
        """Whether other processes still train it."""
        return bool(self.outcome.unfinished) and not self.is_pruned

    @property
    def line(self) -> str:
        """What came of it, in words."""
        if self.score is None:
            return self.trouble
        return f"{spread(self.outcome.accuracies, 2)} % of the held-out images"


def best(results: list[Result]) -> Result:
    """The result with the best score; of equal ones, that with the smaller value.

    Args:
        results: List of `Result`.

    Returns:
        `Result`.

    Raises:
        ValueError: If there is nothing to choose from; `UndecidedError` if not yet.
    """
    if any(result.is_open for result in results):
        raise UndecidedError(
            "Other processes still train points of this sweep: choose when they have ended, by the "
            f"same command with --resume. Received: {_labels(results, 'is_open')}"
        )
    scored = [result for result in results if result.score is not None]
    if not scored:
        raise ValueError(
            "No point trained to its end: see error.txt and metrics.jsonl of its runs, and try "
            f"other values. Received: {_labels(results, 'trouble')}"
        )
    return min(scored, key=lambda result: (-(result.score or 0), result.point.order))


def _labels(results: list[Result], trouble: str) -> str:
    return "; ".join(r.point.label for r in results if getattr(r, trouble))


def table(results: list[Result], chosen: Result) -> str:
    """An aligned table with a line for each point, and one that says how many are the best.

    Args:
        results: List of `Result`.
        chosen: The one that was chosen.

    Returns:
        String of several lines.
    """
    flags = results[0].point.values
    columns = {name: [result.point.values[name] for result in results] for name in flags}
    columns["held-out accuracy, %"] = [spread(r.outcome.accuracies, 2) for r in results]
    columns["note"] = ["chosen" if result is chosen else result.trouble for result in results]
    equal = sum(result.score == chosen.score for result in results)
    tie = f"{equal} points are equal: chosen is the smaller value\n" if equal > 1 else ""
    return f"{aligned(columns)}\n{tie}"
