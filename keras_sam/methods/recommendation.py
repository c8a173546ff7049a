"""Which method to take: what all of them came to when each was tuned alike, and their front."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from keras_sam import checks

PLAIN = "sgd"  # Plain training, which every method is compared with.
TABLE = Path(__file__).with_name("tuned.csv")  # By benchmarks/tuned_methods.py.


@dataclasses.dataclass(frozen=True)
class Tuned:
    """What a method came to on digits with 40 % wrong labels, its settings chosen on a holdout.

    Each margin is half the width of a 95 % interval over the seeds (Student's t).

    Args:
        method: Registry name.
        settings: Dictionary of the method's chosen options; the others have their defaults.
        price: Time of a step over that of plain training.
        accuracy: Percent of the clean test images.
        margin: Of the accuracy.
        gain: Points above plain training, tuned alike, on the same seeds.
        gain_margin: Of the gain.
        equal_time_gain: Points above plain training, tuned alike, of at least this method's time.
        equal_time_margin: Of that gain.

    Example:

    >>> from keras_sam.methods.recommendation import Tuned, front
    >>> msam = Tuned("msam", {"rho": 4.8}, 1.1, 91.9, 1.7, 1.2, 2.3, 1.2, 2.3)
    >>> sam = Tuned("sam", {"rho": 0.8}, 1.7, 94.6, 1.0, 3.9, 1.2, 3.6, 1.3)
    >>> [one.method for one in front([sam, msam])]  # MSAM's gain may be chance.
    ['sam']
    """

    method: str
    settings: dict[str, Any]
    price: float
    accuracy: float
    margin: float
    gain: float
    gain_margin: float
    equal_time_gain: float
    equal_time_margin: float


def recommend(budget: float | None = None) -> list[Tuned]:
    """The methods that no cheaper one matched when all were tuned alike, within a budget.

    They were tuned and trained on one task, digits with 40 % wrong labels, and were measured
    there: a place to begin on another task, where their settings are others.

    Args:
        budget: Float above 0, the most that a step may take, over that of plain training.
            Defaults to `None`, any.

    Returns:
        List of `Tuned`, in the order of their prices; the most accurate is the last. Empty where
        plain training is the best within the budget.

    Raises:
        ValueError: If the budget is not a finite number above 0.

    Example:

    >>> best = keras_sam.methods.recommend(budget=2.0)[-1]
    >>> method = keras_sam.methods.get(best.method, **best.settings)
    """
    most = math.inf if budget is None else checks.positive("budget", budget)
    return [row for row in front(tuned()) if row.price <= most]


def tuned(path: str | Path = TABLE) -> list[Tuned]:
    """Plain training and every method that was tuned, in the order of their prices.

    Args:
        path: Path of the table. Defaults to the one of the package.

    Returns:
        List of `Tuned`; plain training is the one named `"sgd"`.

    Example:

    >>> keras_sam.methods.tuned()[0].method
    'sgd'
    """
    with open(path, encoding="utf-8", newline="") as file:
        return [_row(line) for line in csv.DictReader(file)]


def front(rows: Iterable[Tuned]) -> list[Tuned]:
    """Those methods above plain training that no cheaper one matched.

    Args:
        rows: Iterable of `Tuned`.

    Returns:
        List of `Tuned`, in the order of their prices.
    """
    found: list[Tuned] = []
    for row in sorted(rows, key=lambda row: (row.price, -row.accuracy)):
        best = found[-1].accuracy if found else -math.inf
        if row.method != PLAIN and row.gain > row.gain_margin and row.accuracy > best:
            found.append(row)
    return found


def _row(line: dict[str, str]) -> Tuned:
    numbers = {key: float(text) for key, text in line.items() if key not in ("method", "settings")}
    return Tuned(method=line["method"], settings=json.loads(line["settings"]), **numbers)
