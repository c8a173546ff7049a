"""The error that a method saves, as a share of the baseline's error."""

import dataclasses
from collections.abc import Iterable

from keras_sam.experiments.report.groups import Row, Table
from keras_sam.experiments.report.names import identity
from keras_sam.experiments.report.published import is_same
from keras_sam.experiments.report.published_figures import Published
from keras_sam.experiments.report.table import figures


@dataclasses.dataclass(frozen=True, eq=False)
class Saving:
    """A row beside the one that it is compared with, which has an error to save.

    Args:
        table: The `Table` of both.
        row: A `Row`.
        baseline: A `Row`.
        published: List of floats, the same share of published figures, one a source.
    """

    table: Table
    row: Row
    baseline: Row
    published: list[float]

    @property
    def share(self) -> float:
        """In percent of the baseline's error."""
        return self._percent(self.row.accuracy.mean - self.baseline.accuracy.mean)

    @property
    def margin(self) -> float | None:
        """Half the width of the interval of `share`; `None` for a single seed."""
        gain = self.row.gain(self.baseline)
        if gain is None or gain.half_width is None:
            return None
        return self._percent(gain.half_width)

    def _percent(self, points: float) -> float:
        return 100 * points / (100 - self.baseline.accuracy.mean)


def savings(table: Table, experiment: str | None) -> list[Saving]:
    """What each method saves in a table, with the best radius where several were tried.

    Args:
        table: A `Table`.
        experiment: String such as `"e1"`, or `None`.

    Returns:
        List of `Saving`, in the order of the rows.
    """
    pairs = ((row, table.baseline_of(row)) for row in best(table.rows))
    return [
        Saving(table, row, baseline, _published(row, baseline, experiment))
        for row, baseline in pairs
        if baseline is not None and baseline.accuracy.mean < 100
    ]


def best(rows: Iterable[Row]) -> list[Row]:
    """Of rows with finished runs that differ in their radius alone, the most accurate one."""
    found: dict[str, Row] = {}
    for row in rows:
        if row.finished:
            own = identity(row.settings, row.settings.keys() - {"rho"})
            found[own] = max(found.get(own, row), row, key=lambda row: row.accuracy.mean)
    return list(found.values())


def same_figures(row: Row, experiment: str | None) -> list[Published]:
    """The published figures of a row that are of its very network and data."""
    return [figure for figure in figures(row, experiment) if is_same(row.settings, figure)]


def _published(row: Row, baseline: Row, experiment: str | None) -> list[float]:
    theirs = {figure.source: figure for figure in same_figures(baseline, experiment)}
    pairs = ((f, theirs[f.source]) for f in same_figures(row, experiment) if f.source in theirs)
    return [100 * (own.accuracy - base.accuracy) / (100 - base.accuracy) for own, base in pairs]
