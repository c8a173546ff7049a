"""The table of errors on corrupted images, a line for each corruption."""

import numpy as np

from keras_sam.experiments.results import evaluated
from keras_sam.experiments.results.outcomes import Outcome
from keras_sam.experiments.results.table import aligned, spread


def table(found: list[Outcome]) -> str:
    """An aligned table: the mean error over five strengths of each corruption, a column a method.

    Args:
        found: List of `Outcome`.

    Returns:
        String of several lines; empty where no run was tested on corrupted images.
    """
    errors = {outcome.label: _errors(outcome) for outcome in found}
    errors = {label: runs for label, runs in errors.items() if runs}
    kinds = list(dict.fromkeys(kind for runs in errors.values() for run in runs for kind in run))
    if not kinds:
        return ""
    columns = {"error on corrupted images, %": [kind.replace("_", " ") for kind in kinds]}
    for label, runs in errors.items():
        columns[label] = [spread([run[kind] for run in runs if kind in run], 1) for kind in kinds]
    return aligned(columns)


def _errors(outcome: Outcome) -> list[dict[str, float]]:
    """Of each finished run that was tested, the mean over the strengths in percent."""
    tested = [evaluated.read(run.path).get(evaluated.CORRUPTED) for run in outcome.finished]
    return [
        {kind: 100 * float(np.mean(strengths)) for kind, strengths in one.items()}
        for one in tested
        if one
    ]
