"""What several tables show together: a section of all networks and data sets."""

import matplotlib.style

from keras_sam.experiments.report.across_figures import by_network, place, reductions
from keras_sam.experiments.report.groups import TABLE_KEYS, Row, Table
from keras_sam.experiments.report.names import identity, ordered, title_of
from keras_sam.experiments.report.page import Picture, Section
from keras_sam.experiments.report.savings import Saving, best, savings

TITLE = "All networks and data sets"
EXPLANATION = (
    "The error that a method saves, as a share of the baseline's error, with the interval of the "
    "differences on the same seeds. Of rows that differ in their radius alone, the one with the "
    "least error on the test images is shown."
)
DIGITS = 2


def overview(tables: list[Table], experiment: str | None = None) -> list[Section]:
    """The section of all tables together.

    Args:
        tables: List of `Table`.
        experiment: String such as `"e1"`: whose published figures to show. Defaults to `None`:
            those that fit the settings.

    Returns:
        List of a `Section`; empty where fewer than two tables compare anything.
    """
    by_table = [savings(table, experiment) for table in tables]
    if sum(map(bool, by_table)) < 2:
        return []
    found = sorted((saving for part in by_table for saving in part), key=place)
    with matplotlib.style.context("keras_sam.figures"):
        pictures = [reductions(found, "across_reductions.png"), *_networks(tables, experiment)]
    return [Section(TITLE, EXPLANATION, _columns(found), [], [], pictures, [])]


def _columns(found: list[Saving]) -> dict[str, list]:
    columns = {
        "network and data": [title_of(saving.table.common) for saving in found],
        "row": [saving.row.label(saving.table.differing) for saving in found],
        "baseline": [saving.baseline.label(saving.table.differing) for saving in found],
        "test error, %": [_error(saving.row) for saving in found],
        "the baseline's, %": [_error(saving.baseline) for saving in found],
        "error saved, %": [_share(saving) for saving in found],
        "published, %": ["\n".join(f"{s:+.1f}" for s in saving.published) for saving in found],
    }
    return {title: cells for title, cells in columns.items() if any(cells)}


def _error(row: Row) -> str:
    error = row.estimate("error")
    return "" if error is None else error.text(DIGITS)


def _share(saving: Saving) -> str:
    margin = "" if saving.margin is None else f" ± {saving.margin:.1f}"
    return f"{saving.share:+.1f}{margin}"


def _networks(tables: list[Table], experiment: str | None) -> list[Picture]:
    """A figure for each data set that several networks were trained on."""
    keys = [key for key in TABLE_KEYS if key != "model"]
    groups: dict[str, list[Table]] = {}
    for table in tables:
        groups.setdefault(identity(table.common, keys), []).append(table)
    found = []
    for number, alike in enumerate(groups.values(), start=1):
        rows = best(row for table in alike for row in table.rows)
        if len({row.settings["model"] for row in rows}) < 2:
            continue
        own = ordered({key for table in alike for key in table.differing} - {"rho"})
        title = title_of({**alike[0].common, "model": "All networks"})
        found.append(by_network(rows, own, title, f"across_networks_{number}.png", experiment))
    return found
