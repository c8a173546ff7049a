"""The table of a report: our figures, the difference to the baseline, the published beside."""

import math
import os
from pathlib import Path

import pandas as pd

from keras_sam.experiments.report.groups import Row, Table
from keras_sam.experiments.report.names import name_of, value_text
from keras_sam.experiments.report.page import Link
from keras_sam.experiments.report.published import experiment_of, published
from keras_sam.experiments.report.published_figures import Published
from keras_sam.experiments.results.runs import Run
from keras_sam.experiments.results.statistics import Estimate

DIGITS = 2


def columns(table: Table, output: Path, experiment: str | None) -> dict[str, list]:
    """The cells of a page's table, a line for each row; columns without any are left out.

    Args:
        table: A `Table`.
        output: Path of the page's folder, to which links are relative.
        experiment: String such as `"e6"`, or `None`.

    Returns:
        Dictionary from a title to cells, each a string or a list of `Link`.
    """
    rows = table.rows
    keys = ["method", *(key for key in table.differing if key != "method")]
    found: dict[str, list] = {
        name_of(key): [value_text(key, row.settings.get(key)) for row in rows] for key in keys
    }
    found |= {
        "test accuracy, %": [_text(row.estimate("accuracy")) for row in rows],
        "test error, %": [_text(row.estimate("error")) for row in rows],
        "top-5 error, %": [_text(row.estimate("top5_error")) for row in rows],
        f"gain over {table.baseline}, points": [_gain(row, table.baseline_of(row)) for row in rows],
        "published, %": [published_text(figures(row, experiment)) for row in rows],
        "published gain, points": [_published_gain(table, row, experiment) for row in rows],
        "training accuracy, %": [_text(row.estimate("train_accuracy"), 1) for row in rows],
        "training loss": _losses(rows),
        "training time, s": [_text(row.estimate("training_time"), 1) for row in rows],
        "seeds": [str(len(row.finished)) for row in rows],
        "runs by seed": [[_link(run, output) for run in row.runs] for row in rows],
    }
    return {title: cells for title, cells in found.items() if any(cells)}


def figures(row: Row, experiment: str | None) -> list[Published]:
    """The published figures that belong beside a row; arguments as of `columns`."""
    return published(row.settings, experiment_of(row.runs[0].settings, experiment))


def _text(found: Estimate | None, digits: int = DIGITS, signed: bool = False) -> str:
    return "" if found is None else found.text(digits, signed)


def _losses(rows: list[Row]) -> list[str]:
    """Cells with as many digits as show three of the smallest loss."""
    losses = pd.concat([row.numbers.get("loss", pd.Series(dtype="float64")) for row in rows]).abs()
    smallest = losses[losses > 0].min()
    digits = max(3, 2 - math.floor(math.log10(smallest))) if smallest > 0 else 3
    return [_text(row.estimate("loss"), digits) for row in rows]


def _gain(row: Row, baseline: Row | None) -> str:
    found = row.gain(baseline)
    text = _text(found, signed=True)
    # Fewer seeds than either mean has: the difference is of what both have in common.
    return f"{text} ({found.count} seeds)" if found and found.count < len(row.finished) else text


def published_text(found: list[Published]) -> str:
    """A cell: published figures with their sources, a line each."""
    cells = []
    for figure in found:
        text = f"{figure.kind} {figure.text.replace('±', ' ± ').replace('± .', '± 0.')}"
        text += f", top-{figure.k} error {figure.top_k:g}" if figure.top_k is not None else ""
        cells.append(f"{text} ({figure.source})")
        cells += [", ".join(f"seed {s}: {value:.2f}" for s, value in figure.seeds)]
        cells += [figure.loss or ""]
    return "\n".join(filter(None, cells))


def _published_gain(table: Table, row: Row, experiment: str | None) -> str:
    baseline = table.baseline_of(row)
    if baseline is None:
        return ""
    theirs = {figure.source: figure.accuracy for figure in figures(baseline, experiment)}
    gains = [
        figure.accuracy - theirs[figure.source]
        for figure in figures(row, experiment)
        if figure.source in theirs
    ]
    return "\n".join(f"{gain:+.{DIGITS}f}" for gain in gains)


def _link(run: Run, output: Path) -> Link:
    return Link(str(run.seed), Path(os.path.relpath(run.path, output)).as_posix())
