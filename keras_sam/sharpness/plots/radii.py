"""What a search for a radius found."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from keras_sam.sharpness.plots.page import blank, checked, finished, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from keras_sam.rho_search import RhoSearch


@styled
def scores_over_rho(
    searches: "Mapping[str, RhoSearch]", title: str | None = None, path: str | Path | None = None
) -> "Figure":
    """Draws the scores over the radius, a line for each search and a ring around its choice.

    A dotted line of the same colour is the score without any perturbation.

    Args:
        searches: Dictionary from a label to what `keras_sam.find_rho` returned.
        title: String over the figure. Defaults to `None`.
        path: Path of the file to write. Defaults to `None`, none.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ImportError: If Matplotlib is missing.
        ValueError: If there is no label.

    Example:

    >>> from keras_sam.rho_search import RhoSearch
    >>> from keras_sam.sharpness import plots
    >>> found = RhoSearch({0.0: 0.9, 0.1: 0.5, 0.2: 0.4, 0.4: 0.6}, "val_loss", "min")
    >>> found.rho, len(plots.scores_over_rho({"SAM": found}).axes[0].lines)
    (0.2, 3)
    """
    figure = blank(panel=(6.0, 3.6))
    axes = figure.subplots()
    for label, found in checked("searches", searches).items():
        tried = {rho: score for rho, score in found.scores.items() if rho > 0}
        (line,) = axes.plot(list(tried), list(tried.values()), label=label)
        color = line.get_color()
        if 0 in found.scores:
            axes.axhline(found.scores[0], color=color, linestyle=":", linewidth=1.5, marker="")
        if found.rho > 0:
            best = found.scores[found.rho]
            axes.plot(found.rho, best, "o", color=color, markersize=14, markerfacecolor="none")
    axes.set_xscale("log")
    axes.set(xlabel="radius rho", ylabel=found.monitor)
    axes.legend(title="dotted: without perturbation")
    return finished(figure, title, path)
