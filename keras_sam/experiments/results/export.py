"""Runs as data for other programs: a line for each, with its settings and what it came to."""

import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from keras_sam.experiments.results.runs import FINISHED, Run

NAMES = ("runs.csv", "runs.json")


def write(runs: Iterable[Run], folder: Path) -> list[Path]:
    """Writes `runs.csv` and `runs.json`.

    Args:
        runs: Iterable of `Run`, whatever their state; only finished ones have numbers.
        folder: Path of the folder to write to.

    Returns:
        List of the two paths.
    """
    rows = [_row(run) for run in runs]
    table, whole = (folder / name for name in NAMES)
    pd.json_normalize(rows).to_csv(table, index=False)
    whole.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return [table, whole]


def _row(run: Run) -> dict:
    found = run.numbers if run.state == FINISHED else {}
    # JSON has no NaN: what was not measured is left out.
    numbers = {name: float(value) for name, value in found.items() if value == value}
    return {"run": run.path.as_posix(), "state": run.state, **numbers, "settings": run.settings}
