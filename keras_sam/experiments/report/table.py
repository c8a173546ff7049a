"""The table of a report: our figures, the difference to the baseline, the published beside."""

import math
import os
from pathlib import Path

from keras_sam.experiments.report.names import name_of, value_text
from keras_sam.experiments.report.page import Grid, Link
from keras_sam.experiments.report.published import experiment_of, published
from keras_sam.experiments.results.statistics import estimate

DIGITS = 2


def grid(table, output, experiment):
    """A line for each row of a table; columns without any cell are left out.

    Args:
        table: A `Table`.
        output: Path of the page's folder, to which links are relative.
        experiment: String such as `"e6"`, or `None`.

    Returns:
        A `Grid`.
    """
    rows = table.rows
    gains = [_gain(row, table.baseline_of(row)) for row in rows]
    columns = {
        name_of(key): [value_text(key, row.settings.get(key)) for row in rows]
        for key in ["method", *(key for key in table.differing if key != "method")]
    }
    columns |= {
        "test accuracy, %": [_text(row.accuracy) for row in rows],
        "test error, %": [_mean(row, lambda run: 100 - run.accuracy) for row in rows],
        "top-5 error, %": [_mean(row, lambda run: run.top5_error) for row in rows],
        f"gain over {table.baseline}, points": gains,
        "published, %": [_published_text(figures(row, experiment)) for row in rows],
        "published gain, points": [_published_gain(table, row, experiment) for row in rows],
        "training loss": _losses(rows),
        "training time, s": [_mean(row, lambda run: run.times[-1], 1) for row in rows],
        "seeds": [str(len(row.finished)) for row in rows],
        "runs by seed": [[_link(run, output) for run in row.runs] for row in rows],
    }
    return Grid({title: cells for title, cells in columns.items() if any(cells)})


def figures(row, experiment):
    """The published figures that belong beside a row; arguments as of `grid`."""
    return published(row.settings, experiment_of(row.runs[0].settings, experiment))


def _text(found, digits=DIGITS, signed=False):
    return "" if found is None else found.text(digits, signed)


def _mean(row, value, digits=DIGITS):
    values = [value(run) for run in row.finished]
    return _text(estimate(v for v in values if v is not None), digits)


def _losses(rows):
    """Cells with as many digits as show three of the smallest loss."""
    losses = [run.loss for row in rows for run in row.finished if run.loss]
    digits = max(3, 2 - math.floor(math.log10(min(map(abs, losses))))) if losses else 3
    return [_mean(row, lambda run: run.loss, digits) for row in rows]


def _gain(row, baseline):
    found = row.gain(baseline)
    text = _text(found, signed=True)
    # Fewer seeds than either mean has: the difference is of what both have in common.
    return f"{text} ({found.count} seeds)" if found and found.count < row.accuracy.count else text


def _published_text(found):
    cells = []
    for figure in found:
        text = f"{figure.kind} {figure.text.replace('±', ' ± ').replace('± .', '± 0.')}"
        text += f", top-{figure.k} error {figure.top_k:g}" if figure.top_k is not None else ""
        cells.append(f"{text} ({figure.source})")
    return "\n".join(cells)


def _published_gain(table, row, experiment):
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


def _link(run, output):
    return Link(str(run.seed), Path(os.path.relpath(run.path, output)).as_posix())
