"""Means over seeds and differences on the same seeds, with their 95 % intervals."""

import dataclasses
import math

import numpy as np
from scipy import stats

CONFIDENCE = 0.95


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

    def text(self, digits, signed=False):
        """The mean and its interval, as in `71.0 ± 0.6`.

        Args:
            digits: Integer, digits after the point.
            signed: Whether a positive mean has its sign. Defaults to `False`.

        Returns:
            String.
        """
        mean = f"{self.mean:{'+' if signed else ''}.{digits}f}"
        return mean if self.half_width is None else f"{mean} ± {self.half_width:.{digits}f}"


def estimate(values):
    """Mean of independent values and its interval from Student's t distribution.

    Args:
        values: Iterable of floats, one a seed.

    Returns:
        An `Estimate`; `None` without any value.
    """
    values = np.array(list(values), dtype="float64")
    if not len(values):
        return None
    if len(values) == 1:
        return Estimate(float(values[0]), None, 1)
    quantile = stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)
    half_width = quantile * values.std(ddof=1) / math.sqrt(len(values))
    return Estimate(float(values.mean()), float(half_width), len(values))


def paired_difference(values, reference):
    """Mean of the differences on the seeds that both have.

    A seed fixes initial weights, batches and noise, so that what it does to both cancels: the
    interval is narrower than one from two separate means.

    Args:
        values: Dictionary from seed to float.
        reference: Dictionary from seed to float, to subtract.

    Returns:
        An `Estimate`; `None` without a common seed.
    """
    return estimate(values[seed] - reference[seed] for seed in values if seed in reference)
