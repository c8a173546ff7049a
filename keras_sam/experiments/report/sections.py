"""What stands on the page of a report: a section for each table."""

import os
from pathlib import Path

from keras_sam.experiments.report import figures as _report_figures
from keras_sam.experiments.report import over as _report_over
from keras_sam.experiments.report.figures import MOST_LINES
from keras_sam.experiments.report.groups import METHOD_KEYS
from keras_sam.experiments.report.names import identity, name_of, phrase, value_text
from keras_sam.experiments.report.page import Commands, Heading, Pictures, Points, Text
from keras_sam.experiments.report.published import READINGS, differences, experiment_of
from keras_sam.experiments.report.table import figures, grid
from keras_sam.experiments.results.runs import FINISHED

HOW_TO_READ = (
    "Accuracy and error are of the last epoch, on test images with clean labels. Numbers with ± "
    "are a mean over the seeds and the 95 % interval of Student's t; a single seed has none. A "
    "gain is the mean difference in accuracy to the baseline on the same seeds, with the interval "
    "of these paired differences: one that does not hold 0 is more than chance. Published spreads "
    "are as published. Training time leaves evaluation out where it was timed."
)


def sections(tables, output, experiment=None, weights=False):
    """The page's parts.

    Args:
        tables: List of `Table`.
        output: Path of the page's folder, to which links are relative.
        experiment: String such as `"e6"`: whose published figures to show. Defaults to `None`:
            those that fit the settings.
        weights: Whether to draw the weights of the first convolutions. Defaults to `False`.

    Returns:
        List of blocks of `_page`.
    """
    blocks = [Text(HOW_TO_READ)]
    for number, table in enumerate(tables, start=1):
        blocks += _section(table, f"table_{number}", output, experiment, weights)
    return blocks


def _section(table, prefix, output, experiment, weights):
    blocks = [Heading(title_of(table)), Text(_common(table)), grid(table, output, experiment)]
    blocks += _missing(table, output) + _comparison(table, experiment)
    pictures = [*_pictures(table, prefix)]
    if weights:
        pictures += _weights(table, prefix)
    blocks += [Pictures(pictures)] if pictures else []
    commands = _commands(table)
    return blocks + ([Text("Made by:"), Commands(commands)] if commands else [])


def title_of(table):
    """A table's title: which network on which data."""
    common = table.common
    title = f"{common.get('model', 'network')} on {common.get('dataset', 'data')}"
    augment = value_text("augment", common.get("augment"))
    if augment not in ("-", "none"):
        title += f", {augment} augmentation"
    if common.get("num_train"):
        title += f", {common['num_train']} training images"
    return title + (", tested on held-out training images" if common.get("holdout") else "")


def _common(table):
    texts = [
        f"{name_of(key)} {value_text(key, value)}"
        for key, value in table.common.items()
        if key not in ("model", "dataset")
        and value
        # Without normalisation a network is another one; without the rest it is as expected.
        and (value_text(key, value) != "none" or key == "normalization")
    ]
    return f"All rows: {', '.join(texts)}."


def _missing(table, output):
    runs = [run for row in table.rows for run in row.runs]
    left_out = [(row, run) for row in table.rows for run in row.runs if run.state != FINISHED]
    if not left_out:
        return []
    points = [
        f"{row.label(table.differing)}, seed {run.seed}: {run.trouble} "
        f"({Path(os.path.relpath(run.path, output)).as_posix()})"
        for row, run in left_out
    ]
    return [Text(f"{len(left_out)} of {len(runs)} runs are in no mean:"), Points(points)]


def _comparison(table, experiment):
    """What the papers read from their figures, and how far these are to be compared."""
    found = [(row, figure) for row in table.rows for figure in figures(row, experiment)]
    reasons = [reason for row, figure in found for reason in differences(row.settings, figure)]
    blocks = []
    if reasons:
        blocks.append(
            Text(
                "The published figures are a comparison of kind and not of size (which is above "
                f"which, not the numbers): {'; '.join(dict.fromkeys(reasons))}."
            )
        )
    named = {experiment_of(row.runs[0].settings, experiment) for row in table.rows}
    known = sorted({figure.experiment for _, figure in found} | named & set(READINGS))
    return blocks + [Text(f"Published reading of {e.upper()}: {READINGS[e]}") for e in known]


def _pictures(table, prefix):
    title = title_of(table)
    for number, rows in enumerate(table.conditions, start=1):
        rows = [row for row in rows if row.finished]
        if not rows:
            continue
        keys = [key for key in table.differing if key not in METHOD_KEYS]
        under = ", ".join([title, *(phrase(key, rows[0].settings.get(key)) for key in keys)])
        own = [key for key in table.differing if key in METHOD_KEYS and key != "momentum"]
        shown = _shown(rows, table.baseline)
        best = f", the best {len(shown)} of {len(rows)} rows" if len(shown) < len(rows) else ""
        yield _report_figures.curves(shown, own, under + best, f"{prefix}_curves_{number}.png")
        yield _report_figures.over_time(shown, own, under + best, f"{prefix}_time_{number}.png")
        yield from _over("rho", table, rows, own, under, f"{prefix}_rho_{number}.png")
    rows = [row for row in table.rows if row.finished]
    for key in ("label_noise", "batch_size"):
        yield from _over(key, table, rows, table.differing, title, f"{prefix}_{key}.png")


def _over(key, table, rows, keys, title, name):
    if key not in table.differing:
        return
    lines = _report_over.lines_over(key, rows, keys)
    if lines:
        levels = [row for row in rows if row.settings["method"] == table.baseline]
        reference = levels[0] if key == "rho" and len(levels) == 1 else None
        yield _report_over.over(key, lines, reference, title, name)


def _shown(rows, baseline):
    """The rows to draw as curves: more than a few hide each other.

    The best radius of each method comes first, of these the baseline's.
    """
    if len(rows) <= MOST_LINES:
        return rows
    ranked = sorted(rows, key=lambda row: -row.accuracy.mean)
    best = {}
    for row in ranked:
        best.setdefault(identity(row.settings, row.settings.keys() - {"rho"}), row)
    ranked = sorted(best.values(), key=lambda row: row.settings["method"] != baseline)
    return [row for row in rows if row in ranked[:MOST_LINES]]


def _weights(table, prefix):
    # Imported here: it needs a backend, and the rest of the page does not.
    from keras_sam.experiments.report import weights as _report_weights

    rows = [row for row in table.rows if row.finished]
    if not rows:
        return []
    name = f"{prefix}_weights.png"
    shown = _shown(rows, table.baseline)
    picture = _report_weights.histograms(shown, table.differing, title_of(table), name)
    return [picture] if picture else []


def _commands(table):
    """The command lines that the work directories of a table's runs keep."""
    workdirs = dict.fromkeys(run.path.parent.parent for row in table.rows for run in row.runs)
    texts = [path / "table.txt" for path in workdirs]
    lines = [text.read_text(encoding="utf-8").split("\n")[0] for text in texts if text.is_file()]
    return list(dict.fromkeys(line for line in lines if "python " in line))
