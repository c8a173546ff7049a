"""What stands on the page of a report: a section for each table."""

import os
from pathlib import Path

from keras_sam.experiments.report.drawing import pictures
from keras_sam.experiments.report.groups import Table
from keras_sam.experiments.report.names import name_of, title_of, value_text
from keras_sam.experiments.report.page import Section
from keras_sam.experiments.report.published import (
    OURS,
    READINGS,
    differences,
    elsewhere,
    experiment_of,
)
from keras_sam.experiments.report.published_figures import Published
from keras_sam.experiments.report.table import columns, figures
from keras_sam.experiments.results import files
from keras_sam.experiments.results.runs import FINISHED

HOW_TO_READ = (
    "Accuracy and error are of the last epoch, on test images with clean labels. Numbers with ± "
    "are a mean over the seeds and the 95 % interval of Student's t; a single seed has none. A "
    "gain is the mean difference in accuracy to the baseline on the same seeds, with the interval "
    "of these paired differences: one that does not hold 0 is more than chance. Published spreads "
    "are as published; where single seeds are, ± is their standard deviation. Training accuracy is "
    "by the labels that were trained on, wrong ones too. Training time leaves evaluation out where "
    "it was timed."
)


# What goes without saying.
USUAL = {
    "jit_compile": "auto",
    "mixup_alpha": 1.0,
    "noise_kind": "symmetric",
    "steps_per_execution": 1,
}


def sections(
    tables: list[Table], output: Path, experiment: str | None = None, weights: bool = False
) -> list[Section]:
    """The page's parts.

    Args:
        tables: List of `Table`.
        output: Path of the page's folder, to which links are relative.
        experiment: String such as `"e6"`: whose published figures to show. Defaults to `None`:
            those that fit the settings.
        weights: Whether to draw the weights of the first convolutions. Defaults to `False`.

    Returns:
        List of `Section`.
    """
    return [
        Section(
            title=title_of(table.common),
            settings=_common(table),
            columns=columns(table, output, experiment),
            missing=_missing(table, output),
            remarks=_remarks(table, experiment),
            pictures=pictures(table, f"table_{number}", weights),
            commands=_commands(table),
        )
        for number, table in enumerate(tables, start=1)
    ]


def _common(table: Table) -> str:
    texts = [
        f"{name_of(key)} {value_text(key, value)}"
        for key, value in table.common.items()
        if key not in ("model", "dataset")
        and value
        and value != USUAL.get(key)
        # Without normalisation a network is another one; without the rest it is as expected.
        and (value_text(key, value) != "none" or key == "normalization")
    ]
    return f"All rows: {', '.join(texts)}."


def _missing(table: Table, output: Path) -> list[str]:
    runs = [(row, run) for row in table.rows for run in row.runs]
    texts = [
        f"{row.label(table.differing)}, seed {run.seed}: {run.trouble} "
        f"({Path(os.path.relpath(run.path, output)).as_posix()})"
        for row, run in runs
        if run.state != FINISHED
    ]
    return [f"{len(texts)} of {len(runs)} runs are in no mean:", *texts] if texts else []


def _remarks(table: Table, experiment: str | None) -> list[str]:
    """What the papers read from their figures, and how far these are to be compared."""
    found = [(row, figure) for row in table.rows for figure in figures(row, experiment)]
    reasons = [reason for row, figure in found for reason in differences(row.settings, figure)]
    texts = []
    if reasons:
        texts.append(
            "The published figures are a comparison of kind and not of size (which is above "
            f"which, not the numbers): {'; '.join(dict.fromkeys(reasons))}."
        )
    named = {experiment_of(row.runs[0].settings, experiment) for row in table.rows}
    shown = {figure.experiment for _, figure in found}
    known = sorted(shown | {name for name in READINGS if name in named})
    texts += _elsewhere(table, experiment)
    return texts + [f"{_whose(name)} {name.upper()}: {READINGS[name]}" for name in known]


def _whose(name: str) -> str:
    return "Our reading of the published figures of" if name in OURS else "Published reading of"


def _elsewhere(table: Table, experiment: str | None) -> list[str]:
    """What methods that are not here came to, a line for each share of wrong labels."""
    found: dict[float, dict[Published, None]] = {}
    for row in table.rows:
        named = experiment_of(row.runs[0].settings, experiment)
        for figure in elsewhere(row.settings, named):
            found.setdefault(figure.noise, {})[figure] = None
    return [
        f"Published with {100 * noise:g} % wrong labels by other means: "
        f"{', '.join(f'{figure.method} {figure.text} %' for figure in own)} "
        f"({', '.join(dict.fromkeys(figure.source for figure in own))})."
        for noise, own in sorted(found.items())
    ]


def _commands(table: Table) -> list[str]:
    """The command lines that the work directories of a table's runs keep."""
    workdirs = dict.fromkeys(run.path.parent.parent for row in table.rows for run in row.runs)
    texts = [path / "table.txt" for path in workdirs]
    lines = [files.command_line(text) for text in texts if text.is_file()]
    return list(dict.fromkeys(filter(None, lines)))
