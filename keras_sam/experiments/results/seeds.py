"""Repetitions of a training: runs that differ in their seed only."""

import collections
import dataclasses
import functools

import pandas as pd

from keras_sam.experiments.results.runs import DIVERGED, FAILED, FINISHED, UNFINISHED, Run
from keras_sam.experiments.results.statistics import Estimate, estimate


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Seeds:
    """Runs that differ in their seed only.

    Args:
        runs: List of `Run`.
    """

    runs: list[Run]

    @functools.cached_property
    def finished(self) -> list[Run]:
        """The runs that trained to their end without diverging, which are those that count."""
        return [run for run in self.runs if run.state == FINISHED]

    @functools.cached_property
    def numbers(self) -> pd.DataFrame:
        """What the finished runs came to: a line for each seed, the columns of `Run.numbers`."""
        found = {run.seed: run.numbers for run in self.finished}
        return pd.DataFrame.from_dict(found, orient="index")

    def estimate(self, name: str) -> Estimate | None:
        """Mean and interval of a column of `numbers`; `None` where it has no value."""
        return estimate(self.numbers[name].dropna()) if self.finished else None

    @property
    def accuracies(self) -> list[float]:
        """Accuracy of each finished run on clean test images, in percent."""
        return list(self.numbers["accuracy"]) if self.finished else []

    @property
    def accuracy(self) -> Estimate:
        """`Estimate` of the accuracy in percent, of runs one of which finished at least."""
        found = self.estimate("accuracy")
        assert found is not None
        return found

    def curves(self, key: str) -> pd.DataFrame:
        """A metric of the finished runs: a line an epoch, as many as all have, a column a seed."""
        found = {run.seed: run.history.reindex(columns=[key])[key] for run in self.finished}
        return pd.concat(found, axis="columns", join="inner")

    @property
    def failed(self) -> int:
        """Number of runs that an error ended."""
        return sum(run.state == FAILED for run in self.runs)

    @property
    def unfinished(self) -> int:
        """Number of runs that are still on their way."""
        return sum(run.state == UNFINISHED for run in self.runs)

    @property
    def trouble(self) -> str:
        """What befell runs that are in no mean: `"failed"`, `"diverged in 1 of 3"`, or `""`."""
        counts = collections.Counter(run.state for run in self.runs)
        return ", ".join(
            state
            if counts[state] == len(self.runs)
            else f"{state} in {counts[state]} of {len(self.runs)}"
            for state in (FAILED, DIVERGED, UNFINISHED)
            if counts[state]
        )
