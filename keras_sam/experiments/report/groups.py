"""Sorts runs into tables and rows: a row's runs differ in their seed only."""

import dataclasses
import functools
import json

from keras_sam.experiments.report.names import identity, is_empty, ordered, phrase
from keras_sam.experiments.results.runs import FINISHED
from keras_sam.experiments.results.statistics import estimate, paired_difference
from keras_sam.experiments.results.workdir import OWN_SETTINGS, WATCH

# A table shows trainings that can be compared: of the same network on the same data.
TABLE_KEYS = (
    *("model", "dataset", "augment", "num_train", "num_test", "holdout"),
    *("image_size", "weights"),
)
# What a method may choose for itself; the other settings are conditions that it is tried under.
METHOD_KEYS = (*OWN_SETTINGS, "epochs", "base_epochs", "plain_epochs")
# Where a run happened, what it was called and who looked on is no part of what it did.
IGNORED_KEYS = ("data_dir", "preset", "seed", "verbose", "workdir", *WATCH)


@dataclasses.dataclass(frozen=True)
class Row:
    """The runs with the same settings.

    Args:
        settings: Dictionary of all settings but those that tell no trainings apart.
        runs: List of `Run`, in the order of their seeds.
    """

    settings: dict
    runs: list

    @functools.cached_property
    def finished(self):
        """The runs that count, a list of `Run`."""
        return [run for run in self.runs if run.state == FINISHED]

    @property
    def accuracies(self):
        """Dictionary from seed to test accuracy, in percent."""
        return {run.seed: run.accuracy for run in self.finished}

    @property
    def accuracy(self):
        """`Estimate` of the test accuracy in percent; `None` without a finished run."""
        return estimate(self.accuracies.values())

    def gain(self, baseline):
        """`Estimate` of the accuracy above another row's, on the same seeds; `None` without."""
        return baseline and paired_difference(self.accuracies, baseline.accuracies)

    def condition(self, keys):
        """The part of the settings that is no method's own, as a string that can be compared."""
        return identity(self.settings, [key for key in keys if key not in METHOD_KEYS])

    def label(self, keys):
        """The row's name among rows that differ in some keys."""
        keys = ["method", *(key for key in keys if key != "method")]
        return ", ".join(phrase(key, self.settings[key]) for key in keys if self.has(key))

    def has(self, key):
        """Whether the row has a value for a key."""
        return not is_empty(self.settings.get(key))


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows of the same network on the same data.

    Args:
        rows: List of `Row`.
        baseline: String, the method to compare with, or `None`.
    """

    rows: list
    baseline: str | None

    @functools.cached_property
    def differing(self):
        """The keys in which the rows differ, in the order of their columns."""
        keys = ordered({key for row in self.rows for key in row.settings})
        return [key for key in keys if len({identity(r.settings, [key]) for r in self.rows}) > 1]

    @property
    def common(self):
        """Dictionary of the settings that all rows share."""
        first = self.rows[0].settings
        return {key: first[key] for key in ordered(first) if key not in self.differing}

    @property
    def conditions(self):
        """The rows by what they were tried under: a list of lists of `Row`."""
        found = {}
        for row in self.rows:
            found.setdefault(row.condition(self.differing), []).append(row)
        return list(found.values())

    def baseline_of(self, row):
        """The row to compare another with; `None` for itself and where there is none.

        It is tried under the same conditions, if possible for as many epochs, and otherwise
        for the most: half the epochs of a method with two passes are as much work.
        """
        candidates = [
            other
            for other in self.rows
            if other.settings["method"] == self.baseline
            and other.finished
            and other.condition(self.differing) == row.condition(self.differing)
        ]
        if row.settings["method"] == self.baseline:
            return None
        epochs = row.settings.get("epochs")
        return max(
            candidates,
            key=lambda o: (o.settings.get("epochs") == epochs, o.settings.get("epochs") or 0),
            default=None,
        )


def tables(runs, baseline=None):
    """Sorts runs into tables.

    Args:
        runs: List of `Run`.
        baseline: String, the method to compare with. Defaults to `None`: no comparison.

    Returns:
        List of `Table`.

    Raises:
        ValueError: If two runs have the same settings and the same seed.
    """
    grouped = {}
    for run in runs:
        settings = _telling(run.settings)
        rows = grouped.setdefault(identity(settings, TABLE_KEYS), {})
        _, seeds = rows.setdefault(identity(settings, settings), (settings, {}))
        if run.seed in seeds:
            raise ValueError(
                "Two runs have the same settings and the same seed, which would count twice: leave "
                f"one folder out. Received: {seeds[run.seed].path} and {run.path}"
            )
        seeds[run.seed] = run
    return [Table(_rows(rows.values(), baseline), baseline) for rows in grouped.values()]


def _telling(settings):
    kept = {key: value for key, value in settings.items() if key not in IGNORED_KEYS}
    arguments = kept.get("method_arguments") or {}
    # The resolved radius has a key of its own, whichever way it was given.
    kept["method_arguments"] = {k: v for k, v in arguments.items() if k != "rho"}
    return kept


def _rows(found, baseline):
    rows = [Row(settings, [runs[seed] for seed in sorted(runs)]) for settings, runs in found]
    keys = ordered({key for row in rows for key in row.settings})

    def place(row):
        conditions = [_sortable(row.settings.get(k)) for k in keys if k not in METHOD_KEYS]
        own = [_sortable(row.settings.get(k)) for k in ("method", "rho", *METHOD_KEYS)]
        return conditions, row.settings["method"] != baseline, own

    return sorted(rows, key=place)


def _sortable(value):
    is_number = isinstance(value, int | float)
    return is_number, value if is_number else 0, "" if is_number else json.dumps(value)
