"""The figure of what networks do once they were changed."""

import textwrap
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from keras_sam.experiments.results import afterwards
from keras_sam.experiments.results.outcomes import Outcome
from keras_sam.figures import literal

SIZE = (8, 4.5)  # Inches.
LETTERS = 14  # Of a line under the axis.
WIDTH = 0.6  # That the points of all methods take of the distance between two changes.


def draw(found: list[Outcome], title: str, workdir: Path) -> list[Path]:
    """Draws the errors, as trained and after each change, a colour a method.

    Args:
        found: List of `Outcome`.
        title: String over the figure.
        workdir: Path of the folder to write to.

    Returns:
        List of the paths written: one for each kind of change that was tested.
    """
    paths = []
    for name in afterwards.TITLES:
        if every := afterwards.errors_by_method(found, name):
            paths.append(workdir / f"{name}.png")
            literal(_drawn(every, title)).savefig(paths[-1])
    return paths


def _drawn(every: dict[str, afterwards.Errors], title: str) -> Figure:
    figure = Figure(figsize=SIZE, layout="constrained")  # Without pyplot: no window system.
    axes = figure.add_subplot()
    kinds = list(dict.fromkeys(kind for of_one in every.values() for kind in of_one))
    shifts = WIDTH * (np.arange(len(every)) - (len(every) - 1) / 2) / max(len(every), 1)
    for shift, (label, of_one) in zip(shifts, every.items(), strict=True):
        means = afterwards.means(of_one)
        places = [kinds.index(kind) + shift for kind in means]
        heights, margins = zip(*means.values(), strict=True)
        axes.errorbar(places, heights, margins, linestyle="none", capsize=3, label=label)
    axes.set_xticks(range(len(kinds)), [textwrap.fill(kind, LETTERS) for kind in kinds])
    axes.set_ylabel("error on the test set, %")
    axes.set_title(title)
    axes.legend()
    return figure
