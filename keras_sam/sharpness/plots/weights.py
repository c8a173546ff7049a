"""How large the weights are."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import keras
import numpy as np
from keras import ops

from keras_sam.sharpness.plots.page import blank, checked, finished, look, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Weight: TypeAlias = np.ndarray | keras.Variable

BINS = 80


@styled
def weight_histograms(
    weights: Mapping[str, Weight | Sequence[Weight]],
    title: str | None = None,
    path: str | Path | None = None,
    bins: int = BINS,
) -> "Figure":
    """Draws how often each value of a weight occurs, the counts on a log axis.

    Reference:
        Foret et al., Sharpness-Aware Minimization, and Kwon et al., ASAM, whose authors compare
        the first convolution's weights with and without normalisation this way.

    Args:
        weights: Dictionary from a label to the weights: an array or `keras.Variable` of any
            shape, or a list of these that counts as one.
        title: String over the figure. Defaults to `None`.
        path: Path of the file to write. Defaults to `None`, none.
        bins: Positive integer, bars over the common range of all weights. Defaults to `80`.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ImportError: If Matplotlib is missing.
        ValueError: If there is no label.

    Example:

    >>> from keras_sam.sharpness import plots
    >>> figure = plots.weight_histograms({"SGD": np.arange(5.0), "SAM": np.ones((2, 2))})
    >>> figure.axes[0].get_yscale()
    'log'
    """
    values = {label: _flat(entry) for label, entry in checked("weights", weights).items()}
    edges = np.histogram_bin_edges(np.concatenate(list(values.values())), bins)
    figure = blank(panel=(6.0, 3.6))
    axes = figure.subplots()
    # Stairs take no line style from the style sheet by themselves.
    for (label, flat), line in zip(values.items(), look("axes.prop_cycle")(), strict=False):
        heights, _ = np.histogram(flat, edges)
        axes.stairs(
            heights,
            edges,
            label=f"{label} (std {flat.std():.2g})",
            linewidth=1.5,
            color=line["color"],
            linestyle=line["linestyle"],
        )
    axes.set_yscale("log")
    axes.set_ylim(bottom=0.5)  # A single weight shows as well.
    axes.set(xlabel="value of the weight", ylabel="number of weights")
    axes.legend()
    return finished(figure, title, path)


def _flat(entry: Weight | Sequence[Weight]) -> np.ndarray:
    parts = entry if isinstance(entry, list | tuple) else [entry]
    return np.concatenate([np.ravel(ops.convert_to_numpy(part)) for part in parts])
