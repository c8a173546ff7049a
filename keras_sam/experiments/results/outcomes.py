"""What the runs of each method came to."""

import dataclasses
from collections.abc import Sequence

import pandas as pd

from keras_sam import methods
from keras_sam.experiments.results.folder import RunFolder
from keras_sam.experiments.results.runs import read
from keras_sam.experiments.results.seeds import Seeds
from keras_sam.experiments.training.entries import PLAIN


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Outcome(Seeds):
    """The runs of one method, one a seed.

    Args:
        label: Name in tables and figures.
        gradients: Gradient evaluations a step, in words.
        runs: List of `Run`.
    """

    label: str
    gradients: str

    @property
    def step_time(self) -> float | None:
        """Median seconds of training an epoch; `None` where each run has but its first one."""
        # A first epoch compiles as well.
        later = [run.history["train_seconds"][1:] for run in self.finished if len(run.history) > 1]
        return float(pd.concat(later).median()) if later else None


def outcomes(runs: dict[str, list[RunFolder]]) -> list[Outcome]:
    """What there is in the folders of a comparison.

    Args:
        runs: Dictionary from a method's label to the list of its `RunFolder`s.

    Returns:
        List of `Outcome`.
    """
    costs = {PLAIN: "1"} | {row.name: str(row.cost) for row in methods.list(detail=True)}
    return [
        Outcome(
            label=label,
            gradients=costs[folders[0].settings["method"]],
            runs=[read(folder) for folder in folders],
        )
        for label, folders in runs.items()
    ]


def plain(found: Sequence[Outcome]) -> Outcome | None:
    """The outcome of plain training.

    Args:
        found: List of `Outcome`.

    Returns:
        `Outcome`; `None` where plain training was not among the methods or did not end well.
    """
    return next((one for one in found if one.label == PLAIN and one.finished), None)


def is_below(outcome: Outcome, reference: Outcome | None) -> bool:
    """Whether a method ended below plain training.

    Args:
        outcome: `Outcome`.
        reference: `Outcome` of plain training, or `None`.

    Returns:
        Bool; `False` where there is nothing to compare.
    """
    if reference is None or not outcome.finished:
        return False
    return outcome.accuracy.mean < reference.accuracy.mean
