"""Sharpness over the epochs of a training."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from keras_sam.sharpness.plots.page import blank, checked, finished, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FEW_POINTS = 40  # Above this many, markers would hide their line.


@styled
def sharpness_over_epochs(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]],
    quantity: str = "sharpness",
    log: bool = True,
    title: str | None = None,
    path: str | Path | None = None,
) -> "Figure":
    """Draws a measure of sharpness over the epochs, a line for each label.

    Args:
        curves: Dictionary from a label to `(epochs, values)`, two arrays of one length; values
            of shape (runs, epochs) give the mean with a band of one standard deviation.
        quantity: String, the name of the measure, with its unit where it has one. Defaults to
            `"sharpness"`.
        log: Whether the measure has a log axis, on which values of 0 and below are left out.
            Defaults to `True`.
        title: String over the figure. Defaults to `None`.
        path: Path of the file to write. Defaults to `None`, none.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ImportError: If Matplotlib is missing.
        ValueError: If there is no label, or lengths differ.

    Example:

    >>> from keras_sam.sharpness import plots
    >>> curves = {"SGD": ([1, 2, 3], [4.0, 9.0, 30.0]), "SAM": ([1, 2, 3], [4.0, 3.0, 1.0])}
    >>> len(plots.sharpness_over_epochs(curves, "largest eigenvalue").axes[0].lines)
    2
    """
    figure = blank(panel=(6.0, 3.6))
    axes = figure.subplots()
    for label, curve in checked("curves", curves).items():
        _draw(axes, label, *curve)
    if log:
        axes.set_yscale("log")
    axes.locator_params(axis="x", integer=True)
    axes.set(xlabel="epoch", ylabel=quantity)
    axes.legend()
    return finished(figure, title, path)


def _draw(axes: "Axes", label: str, epochs: ArrayLike, values: ArrayLike) -> None:
    epochs, values = np.asarray(epochs), np.atleast_2d(values)
    if values.shape[1:] != epochs.shape:
        raise ValueError(
            "Each curve must be epochs of shape (epochs,) and values of shape (epochs,) or (runs, "
            f"epochs). Received: shapes {epochs.shape} and {values.shape} for {label!r}"
        )
    mean = values.mean(axis=0)
    marker: dict[str, Any] = {"marker": ""} if len(epochs) > FEW_POINTS else {}
    (line,) = axes.plot(epochs, mean, label=label, **marker)
    if len(values) > 1:
        deviation = values.std(axis=0, ddof=1)
        limits = mean - deviation, mean + deviation
        axes.fill_between(epochs, *limits, color=line.get_color(), alpha=0.2, linewidth=0)
