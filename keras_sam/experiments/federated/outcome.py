"""The table and the curves of federated trainings."""

from pathlib import Path
from typing import TypeAlias

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from keras_sam.experiments.results.curves import band, finish
from keras_sam.experiments.results.statistics import paired_difference
from keras_sam.experiments.results.table import aligned, spread

Line: TypeAlias = dict[str, float]
Found: TypeAlias = dict[str, dict[int, list[Line]]]  # By label, then by seed: a line a round.
LAST = 10  # Rounds whose mean is in the table: accuracies jump where clients are not alike.
PANELS = {"accuracy": "accuracy on test images, %", "loss": "clients' training loss"}


def shown(line: Line) -> str:
    """A round in a line."""
    average = line.get("average_accuracy")
    mean = "" if average is None else f", their mean {average:.1f} %"
    return f"round {line['round']}, {line['accuracy']:.1f} %{mean}"


def final(lines: list[Line]) -> float:
    """The accuracy of a training: of the mean of its weights, or the mean of its last rounds."""
    if "average_accuracy" in lines[-1]:
        return lines[-1]["average_accuracy"]
    return float(np.mean([line["accuracy"] for line in lines[-LAST:]]))


def _early(lines: list[Line]) -> float:
    """The accuracy after a quarter of the rounds."""
    return lines[max(len(lines) // 4, 1) - 1]["accuracy"]


def table(found: Found) -> str:
    """Accuracies of each algorithm, and gains over the first one on the same seeds.

    Args:
        found: Dictionary from a label to a dictionary from a seed to the lines of its rounds.

    Returns:
        String of several lines.
    """
    ends = {label: {s: final(lines) for s, lines in runs.items()} for label, runs in found.items()}
    first, *others = ends
    gains = [paired_difference(ends[label], ends[first]) for label in others]
    runs = [[*by_seed.values()] for by_seed in found.values()]
    columns = {
        "algorithm": list(found),
        "test accuracy, %": [spread(ends[label].values(), 1) for label in found],
        f"over {first}": ["", *(gain.text(1, signed=True) if gain else "-" for gain in gains)],
        "after a quarter": [spread([_early(r) for r in each], 1) for each in runs],
        "last round alone": [spread([r[-1]["accuracy"] for r in each], 1) for each in runs],
        "seconds": [spread([sum(line["seconds"] for line in r) for r in each], 0) for each in runs],
    }
    count = min(LAST, min(len(r) for each in runs for r in each))
    note = f"test accuracy: mean of the last {count} rounds; with +swa that of the mean weights"
    return f"{aligned(columns)}\n{note}"


def draw(found: Found, title: str, path: Path) -> None:
    """Draws accuracy and loss over the rounds: mean lines, with a band of one deviation.

    Args:
        found: As in `table`.
        title: String over the panels.
        path: Path of the PNG to write.
    """
    with matplotlib.style.context("keras_sam.figures"):
        figure = Figure(figsize=(9, 4))
        for axes, (key, name) in zip(figure.subplots(1, 2), PANELS.items(), strict=True):
            for label, runs in found.items():
                band(axes, _curves(runs, key), label)
            axes.set_ylabel(name)
            axes.set_xlabel("round")
        finish(figure, title, any(len(runs) > 1 for runs in found.values()), path)


def _curves(runs: dict[int, list[Line]], key: str) -> pd.DataFrame:
    """A line a round and a column a run."""
    by_seed = {
        seed: pd.Series({line["round"]: line[key] for line in lines})
        for seed, lines in runs.items()
    }
    return pd.DataFrame(by_seed)
