"""What the runs of each method came to."""

import dataclasses
import functools

import numpy as np

from keras_sam import methods
from keras_sam.experiments.training.callbacks import has_diverged
from keras_sam.experiments.training.entries import PLAIN


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The runs of one method, one a seed.

    Args:
        label: Name in tables and figures.
        gradients: Gradient evaluations a step, in words.
        finished: List of the finished runs' metrics, each a list of dictionaries, one an epoch.
        failed: Number of runs that an error ended.
        unfinished: Number of runs that are still on their way.
    """

    label: str
    gradients: str
    finished: list
    failed: int = 0
    unfinished: int = 0

    @functools.cached_property
    def runs(self):
        """The metrics of the runs that trained to the end without diverging."""
        return [run for run in self.finished if not any(map(has_diverged, run))]

    @property
    def accuracies(self):
        """Accuracy of each run on clean test images, in percent."""
        return [100 * run[-1]["val_accuracy"] for run in self.runs]

    @property
    def step_time(self):
        """Median seconds of training an epoch; `None` where each run has but its first one."""
        # A first epoch compiles as well.
        later = [line["train_seconds"] for run in self.runs for line in run[1:]]
        return float(np.median(later)) if later else None

    @property
    def trouble(self):
        """What befell runs that are in no mean: `"failed"`, `"diverged in 1 of 3"`, or `""`."""
        seeds = len(self.finished) + self.failed + self.unfinished
        diverged = len(self.finished) - len(self.runs)
        counts = {"failed": self.failed, "diverged": diverged, "unfinished": self.unfinished}
        return ", ".join(
            word if count == seeds else f"{word} in {count} of {seeds}"
            for word, count in counts.items()
            if count
        )


def outcomes(runs):
    """What there is in the folders of a comparison.

    Args:
        runs: Dictionary from a method's label to the list of its `RunFolder`s.

    Returns:
        List of `Outcome`.
    """
    costs = {PLAIN: "1"} | {row.name: str(row.cost) for row in methods.list(detail=True)}
    return [
        Outcome(
            label,
            costs[folders[0].settings["method"]],
            [folder.history() for folder in folders if folder.finished],
            sum(folder.error.is_file() for folder in folders),
            sum(not folder.finished and not folder.error.is_file() for folder in folders),
        )
        for label, folders in runs.items()
    ]


def plain(found):
    """The outcome of plain training.

    Args:
        found: List of `Outcome`.

    Returns:
        `Outcome`; `None` where plain training was not among the methods or did not end well.
    """
    return next((outcome for outcome in found if outcome.label == PLAIN and outcome.runs), None)


def is_below(outcome, reference):
    """Whether a method ended below plain training.

    Args:
        outcome: `Outcome`.
        reference: `Outcome` of plain training, or `None`.

    Returns:
        Bool; `False` where there is nothing to compare.
    """
    if reference is None or not outcome.runs:
        return False
    return bool(np.mean(outcome.accuracies) < np.mean(reference.accuracies))
