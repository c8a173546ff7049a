"""The figure of a comparison over the epochs, from the metrics of its runs."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from keras_sam.experiments.results.seeds import Seeds
from keras_sam.figures import literal

MARKS = 8  # Markers along a line, about.
BANDS = "bands: one standard deviation over the seeds"
PANELS = {
    "val_accuracy": "accuracy on clean test images",
    "accuracy": "accuracy on training labels",
    "val_loss": "loss on clean test images",
    "loss": "loss on training labels",
}


def draw(found: dict[str, Seeds], title: str, path: Path) -> None:
    """Draws accuracy and loss over the epochs: mean lines, with a band of one deviation.

    Args:
        found: Dictionary from a label to its `Seeds`, each with finished runs.
        title: String over the panels.
        path: Path of the PNG to write.
    """
    # Without pyplot: no window system and no global state.
    figure = Figure(figsize=(9, 6.5))
    panels = figure.subplots(2, 2, sharex=True).flat
    for axes, (key, name) in zip(panels, PANELS.items(), strict=True):
        for label, seeds in found.items():
            band(axes, seeds.curves(key), label)
        axes.set_ylabel(name)
    for axes in figure.axes[2:]:
        axes.set_xlabel("epoch")
        axes.locator_params(axis="x", integer=True)
    finish(figure, title, any(len(seeds.finished) > 1 for seeds in found.values()), path)


def finish(figure: Figure, title: str, several: bool, path: Path) -> None:
    """Gives a figure of bands its legend and title, and writes it.

    Args:
        figure: Matplotlib figure, whose first axes have all lines.
        title: String over the panels.
        several: Whether there are bands.
        path: Path of the PNG to write.
    """
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=4,
        handlelength=4,
        title=BANDS if several else None,
    )
    figure.suptitle(title)
    literal(figure).savefig(path)


def band(axes: Axes, curves: pd.DataFrame, label: str) -> None:
    """Draws a mean line with a band of one deviation; of the logarithms on a logarithmic axis.

    Args:
        axes: Matplotlib axes, with their scale set.
        curves: Data frame with a line for each point, its place in the index, and a column a run.
        label: String for the legend.
    """
    to, back = (np.log, np.exp) if axes.get_yscale() == "log" else (np.copy, np.copy)
    curves = pd.DataFrame(to(curves), curves.index)
    mean, deviation = curves.mean(axis=1), curves.std(axis=1)
    # A marker here and there, each line's elsewhere, so that none covers another's.
    step = max(1, len(curves) // MARKS)
    first = len(axes.lines) * step // MARKS % step
    (line,) = axes.plot(curves.index, back(mean), label=label, markevery=(first, step))
    if curves.shape[1] > 1:
        ends = back(mean - deviation), back(mean + deviation)
        axes.fill_between(curves.index, *ends, color=line.get_color(), alpha=0.2, linewidth=0)
