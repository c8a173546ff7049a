"""Means over seeds and differences on the same seeds, with their 95 % intervals."""

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from scipy import stats

CONFIDENCE = 0.95
# The one meaning of the sign in all that this package computes.
MEANING = "± is half the width of the 95 % interval of the mean (Student's t)"


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A mean over seeds.

    Args:
        mean: Float.
        half_width: Float, half the width of the 95 % interval; `None` with a single seed.
        count: Integer, number of seeds.
    """

    mean: float
    half_width: float | None
    count: int

    def text(self, digits: int, signed: bool = False) -> str:
        """The mean and its interval, as in `71.0 ± 0.6`.

        Args:
            digits: Integer, digits after the point.
            signed: Whether a positive mean has its sign. Defaults to `False`.

        Returns:
            String.
        """
        mean = f"{self.mean:{'+' if signed else ''}.{digits}f}"
        return mean if self.half_width is None else f"{mean} ± {self.half_width:.{digits}f}"


def estimate(values: Iterable[float]) -> Estimate | None:
    """Mean of independent values and its interval from Student's t distribution.

    Args:
        values: Iterable of floats, one a seed.

    Returns:
        An `Estimate`; `None` without any value.
    """
    found = np.array(list(values), dtype="float64")
    if not len(found):
        return None
    half_width = None
    if len(found) > 1:
        quantile = stats.t.ppf((1 + CONFIDENCE) / 2, len(found) - 1)
        half_width = float(quantile * stats.sem(found))
    return Estimate(float(found.mean()), half_width, len(found))


def paired_difference(
    values: Mapping[int, float] | pd.Series, reference: Mapping[int, float] | pd.Series
) -> Estimate | None:
    """Mean of the differences on the seeds that both have.

    A seed fixes initial weights, batches and noise, so that what it does to both cancels: the
    interval is narrower than one from two separate means.

    Args:
        values: Dictionary or series from seed to float.
        reference: Dictionary or series from seed to float, to subtract.

    Returns:
        An `Estimate`; `None` without a common seed.
    """
    return estimate((pd.Series(values) - pd.Series(reference)).dropna())
