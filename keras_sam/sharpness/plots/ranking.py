"""Whether a measure of sharpness ranks models as their generalisation does."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from keras_sam.checks import import_extra
from keras_sam.sharpness.plots.page import blank, checked, finished, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def sharpness_against_gap(
    points: Mapping[str, tuple[ArrayLike, ArrayLike]],
    quantity: str = "m-sharpness",
    title: str | None = None,
    path: str | Path | None = None,
) -> "Figure":
    """Draws a point for each trained model, and tells Kendall's rank correlation.

    Args:
        points: Dictionary from a label to `(sharpness, gaps)`, two arrays with a number for each
            model. The gap is test error minus training error, in percent.
        quantity: String, the name of the measure. Defaults to `"m-sharpness"`.
        title: String over the figure. Defaults to `None`.
        path: Path of the file to write. Defaults to `None`, none.

    Returns:
        A `matplotlib.figure.Figure`. Above its axes stand Kendall's tau-b over the points of all
        labels and its p-value, from SciPy; they are not a number where fewer than two points
        differ.

    Raises:
        ImportError: If Matplotlib or SciPy is missing.
        ValueError: If there is no label, or lengths differ.

    Example:

    >>> from keras_sam.sharpness import plots
    >>> points = {"SGD": ([2.0, 3.0], [24.0, 29.0]), "SAM": ([0.2, 0.4], [5.0, 6.0])}
    >>> figure = plots.sharpness_against_gap(points)
    >>> figure.axes[0].get_title()
    "Kendall's τ = 1.00 (p = 0.083, 4 models)"
    """
    figure = blank(panel=(6.0, 3.8))
    axes = figure.subplots()
    pairs = {label: _pair(label, *entry) for label, entry in checked("points", points).items()}
    for label, pair in pairs.items():
        axes.plot(*pair, label=label, linestyle="none")
    axes.set_title(_correlation(*np.concatenate(list(pairs.values()), axis=1)))
    axes.set(xlabel=quantity, ylabel="test minus training error, %")
    axes.legend()
    return finished(figure, title, path)


def _pair(label: str, sharpness: ArrayLike, gaps: ArrayLike) -> np.ndarray:
    if np.shape(sharpness) != np.shape(gaps) or np.ndim(gaps) != 1:
        raise ValueError(
            "Each label must have as many gaps as numbers of sharpness. Received: shapes "
            f"{np.shape(sharpness)} and {np.shape(gaps)} for {label!r}"
        )
    return np.array([sharpness, gaps])


def _correlation(sharpness: np.ndarray, gaps: np.ndarray) -> str:
    if len(gaps) < 2:
        return "one model has no rank"
    found = import_extra("scipy.stats", "SciPy", "sharpness").kendalltau(sharpness, gaps)
    return f"Kendall's τ = {found.statistic:.2f} (p = {found.pvalue:.2g}, {len(gaps)} models)"
