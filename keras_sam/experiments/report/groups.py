"""Sorts runs into tables and rows: a row's runs differ in their seed only."""

import dataclasses
import functools
import itertools
import json
from collections.abc import Iterable

import pandas as pd

from keras_sam.experiments.report.names import is_empty, ordered, phrase
from keras_sam.experiments.results.runs import Run
from keras_sam.experiments.results.seeds import Seeds
from keras_sam.experiments.results.statistics import Estimate, paired_difference
from keras_sam.experiments.results.workdir import LABELS, OWN_SETTINGS, WATCH

# A table shows trainings that can be compared: of the same network on the same data.
TABLE_KEYS = (
    *("model", "dataset", "augment", "num_train", "num_test", "holdout"),
    *("image_size", "weights"),
)
# What a method may choose for itself; the other settings are conditions that it is tried under.
METHOD_KEYS = (*OWN_SETTINGS, "epochs", "base_epochs", "plain_epochs")
# Where a run happened, what it was called and who looked on is no part of what it did.
IGNORED_KEYS = ("data_dir", "preset", "seed", "verbose", "workdir", LABELS, *WATCH)


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Row(Seeds):
    """The runs with the same settings.

    Args:
        settings: Dictionary of all settings but those that tell no trainings apart.
        runs: List of `Run`, in the order of their seeds.
    """

    settings: dict

    def gain(self, baseline: "Row | None") -> Estimate | None:
        """`Estimate` of the accuracy above another row's, on the same seeds; `None` without."""
        if baseline is None or not self.finished:
            return None
        return paired_difference(self.numbers["accuracy"], baseline.numbers["accuracy"])

    def label(self, keys: Iterable[str]) -> str:
        """The row's name among rows that differ in some keys."""
        keys = ["method", *(key for key in keys if key != "method")]
        return ", ".join(phrase(key, self.settings[key]) for key in keys if self.has(key))

    def has(self, key: str) -> bool:
        """Whether the row has a value for a key."""
        return not is_empty(self.settings.get(key))


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """Rows of the same network on the same data.

    Args:
        rows: List of `Row`.
        baseline: String, the method to compare with, or `None`.
    """

    rows: list[Row]
    baseline: str | None

    @functools.cached_property
    def texts(self) -> pd.DataFrame:
        """The settings as texts that can be compared: a line a row, a column a key."""
        return _texts([row.settings for row in self.rows])

    @functools.cached_property
    def differing(self) -> list[str]:
        """The keys in which the rows differ, in the order of their columns."""
        return ordered(self.texts.columns[self.texts.nunique() > 1])

    @property
    def common(self) -> dict:
        """Dictionary of the settings that all rows share."""
        first = self.rows[0].settings
        return {key: first[key] for key in ordered(first) if key not in self.differing}

    @functools.cached_property
    def conditions(self) -> list[list[Row]]:
        """The rows by what they were tried under: a list of lists of `Row`."""
        own = self.texts.columns.intersection(list(METHOD_KEYS))
        return [
            [self.rows[number] for number in group.index]
            for _, group in self.texts.groupby(list(self.texts.columns.drop(own)), sort=False)
        ]

    def baseline_of(self, row: Row) -> Row | None:
        """The row to compare another with; `None` for itself and where there is none.

        It is tried under the same conditions, if possible for as many epochs, and otherwise
        for the most: half the epochs of a method with two passes are as much work.
        """
        if row.settings["method"] == self.baseline:
            return None
        alike = next(rows for rows in self.conditions if row in rows)
        epochs = row.settings.get("epochs")
        return max(
            (o for o in alike if o.settings["method"] == self.baseline and o.finished),
            key=lambda o: (o.settings.get("epochs") == epochs, o.settings.get("epochs") or 0),
            default=None,
        )


def tables(runs: list[Run], baseline: str | None = None) -> list[Table]:
    """Sorts runs into tables.

    Args:
        runs: List of `Run`.
        baseline: String, the method to compare with. Defaults to `None`: no comparison.

    Returns:
        List of `Table`.

    Raises:
        ValueError: If two runs have the same settings and the same seed.
    """
    settings = [_telling(run.settings) for run in runs]
    texts = _texts(settings)
    seeds = pd.Series([run.seed for run in runs])
    found = []
    for _, table in texts.groupby(list(TABLE_KEYS), sort=False):
        rows = []
        for _, group in table.groupby(list(texts.columns), sort=False):
            own = seeds[group.index].sort_values(kind="stable").index
            _check_once([runs[number] for number in own])
            rows.append(Row(settings=settings[own[0]], runs=[runs[number] for number in own]))
        found.append(Table(_sorted(rows, baseline), baseline))
    return found


def _texts(settings: list[dict]) -> pd.DataFrame:
    """Settings as JSON, in which any value can be compared; a missing one is like no other."""
    texts = [{key: json.dumps(one[key], sort_keys=True) for key in one} for one in settings]
    found = pd.DataFrame(texts)
    keys = found.columns.union(list(TABLE_KEYS), sort=False)
    return found.fillna("").reindex(columns=keys, fill_value="")


def _check_once(runs: list[Run]) -> None:
    for first, second in itertools.pairwise(runs):
        if first.seed == second.seed:
            raise ValueError(
                "Two runs have the same settings and the same seed, which would count twice: leave "
                f"one folder out. Received: {first.path} and {second.path}"
            )


def _telling(settings: dict) -> dict:
    kept = {key: value for key, value in settings.items() if key not in IGNORED_KEYS}
    arguments = kept.get("method_arguments") or {}
    # The resolved radius has a key of its own, whichever way it was given.
    kept["method_arguments"] = {k: v for k, v in arguments.items() if k != "rho"}
    return kept


def _sorted(rows: list[Row], baseline: str | None) -> list[Row]:
    keys = ordered({key for row in rows for key in row.settings})

    def place(row: Row) -> tuple:
        conditions = [_sortable(row.settings.get(k)) for k in keys if k not in METHOD_KEYS]
        own = [_sortable(row.settings.get(k)) for k in ("method", "rho", *METHOD_KEYS)]
        return conditions, row.settings["method"] != baseline, own

    return sorted(rows, key=place)


def _sortable(value: object) -> tuple:
    is_number = isinstance(value, int | float)
    return is_number, value if is_number else 0, "" if is_number else json.dumps(value)
