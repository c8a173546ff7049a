"""Which figures a table gets, and of which of its rows."""

from collections.abc import Iterator

import matplotlib.style

from keras_sam.experiments.report.batch_sizes import KEY, batch_sizes
from keras_sam.experiments.report.figures import MOST_LINES, curves, over_time
from keras_sam.experiments.report.groups import METHOD_KEYS, Row, Table
from keras_sam.experiments.report.names import identity, phrase, title_of
from keras_sam.experiments.report.over import lines_over, over
from keras_sam.experiments.report.page import Picture


def pictures(table: Table, prefix: str, weights: bool = False) -> list[Picture]:
    """The figures of a table's finished runs.

    Args:
        table: A `Table`.
        prefix: String, beginning of the files' names.
        weights: Whether to draw the weights of the first convolutions. Defaults to `False`.

    Returns:
        List of `Picture`.
    """
    with matplotlib.style.context("keras_sam.figures"):
        found = [*_of_conditions(table, prefix)]
        rows = [row for row in table.rows if row.finished]
        for key in ("label_noise", "batch_size"):
            name = f"{prefix}_{key}.png"
            found += _over(key, table, rows, table.differing, title_of(table.common), name)
        found += _batch_sizes(table, rows, prefix)
        return found + (_weights(table, rows, f"{prefix}_weights.png") if weights and rows else [])


def _of_conditions(table: Table, prefix: str) -> Iterator[Picture]:
    keys = [key for key in table.differing if key not in METHOD_KEYS]
    own = [key for key in table.differing if key in METHOD_KEYS and key != "momentum"]
    for number, alike in enumerate(table.conditions, start=1):
        rows = [row for row in alike if row.finished]
        if not rows:
            continue
        under = ", ".join(
            [title_of(table.common), *(phrase(key, rows[0].settings.get(key)) for key in keys)]
        )
        shown = _shown(rows, table.baseline)
        best = f", the best {len(shown)} of {len(rows)} rows" if len(shown) < len(rows) else ""
        yield curves(shown, own, under + best, f"{prefix}_curves_{number}.png")
        yield over_time(shown, own, under + best, f"{prefix}_time_{number}.png")
        yield from _over("rho", table, rows, own, under, f"{prefix}_rho_{number}.png")


def _over(
    key: str, table: Table, rows: list[Row], keys: list[str], title: str, name: str
) -> list[Picture]:
    lines = lines_over(key, rows, keys) if key in table.differing else {}
    if not lines:
        return []
    levels = [row for row in rows if row.settings["method"] == table.baseline]
    reference = levels[0] if key == "rho" and len(levels) == 1 else None
    return [over(key, lines, reference, title, name)]


def _batch_sizes(table: Table, rows: list[Row], prefix: str) -> list[Picture]:
    """A figure for each set of conditions that differ in the batch size, and the rate with it."""
    if KEY not in table.differing:
        return []
    others = [key for key in table.differing if key not in (*METHOD_KEYS, KEY, "learning_rate")]
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(identity(row.settings, others), []).append(row)
    found = []
    for number, alike in enumerate(groups.values(), start=1):
        under = ", ".join(
            [title_of(table.common), *(phrase(key, alike[0].settings.get(key)) for key in others)]
        )
        name = f"{prefix}_batch_sizes_{number}.png"
        found.append(batch_sizes(alike, table.baseline, table.differing, under, name))
    return [picture for picture in found if picture is not None]


def _shown(rows: list[Row], baseline: str | None) -> list[Row]:
    """The rows to draw as curves: more than a few hide each other.

    The best radius of each method comes first, of these the baseline's.
    """
    if len(rows) <= MOST_LINES:
        return rows
    best: dict[str, Row] = {}
    for row in sorted(rows, key=lambda row: -row.accuracy.mean):
        best.setdefault(identity(row.settings, row.settings.keys() - {"rho"}), row)
    ranked = sorted(best.values(), key=lambda row: row.settings["method"] != baseline)
    return [row for row in rows if row in ranked[:MOST_LINES]]


def _weights(table: Table, rows: list[Row], name: str) -> list[Picture]:
    # Imported here: it needs a backend, and the rest of the page does not.
    from keras_sam.experiments.report.weights import histograms

    shown = _shown(rows, table.baseline)
    picture = histograms(shown, table.differing, title_of(table.common), name)
    return [picture] if picture else []
