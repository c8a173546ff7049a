"""The Hessian's spectrum, for several methods and epochs."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from keras_sam.sharpness.density import Density
from keras_sam.sharpness.plots.page import PANEL, blank, checked, finished, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ByEpoch: TypeAlias = dict[Any, Density]  # From epochs, or from None alone.

FLOOR = 1e-6  # Share of the eigenvalues per unit; what is below is of no eigenvalue.


@styled
def spectra(
    densities: Mapping[str, Density | Mapping[int, Density]],
    title: str | None = None,
    path: str | Path | None = None,
    floor: float = FLOOR,
) -> "Figure":
    """Draws spectral densities on a log axis: a column for each label, a row for each epoch.

    Reference:
        Ghorbani et al., An Investigation into Neural Net Optimization via Hessian Eigenvalue
        Density, ICML 2019 (https://arxiv.org/abs/1901.10159); Foret et al., ICLR 2021, figure 3.

    Args:
        densities: Dictionary from a label to a `keras_sam.sharpness.Density`, or to a dictionary
            from epochs to these; all labels with the same epochs.
        title: String over the figure. Defaults to `None`.
        path: Path of the file to write. Defaults to `None`, none.
        floor: Float above 0, where the axis of the density begins. Defaults to `1e-6`.

    Returns:
        A `matplotlib.figure.Figure`. A dotted line marks the largest eigenvalue.

    Raises:
        ImportError: If Matplotlib is missing.
        ValueError: If there is no label, or the labels differ in their epochs.

    Example:

    >>> from scipy.sparse.linalg import aslinearoperator
    >>> from keras_sam import sharpness
    >>> density = sharpness.spectral_density(aslinearoperator(np.diag([1.0, 2.0, 5.0])))
    >>> figure = sharpness.plots.spectra({"diagonal": density})
    >>> figure.axes[0].get_ylabel()
    'density, per unit'
    """
    table = {label: _by_epoch(entry) for label, entry in checked("densities", densities).items()}
    epochs = _epochs(table)
    figure = blank(columns=len(table), rows=len(epochs), panel=(PANEL[0], 2.6))
    panels = figure.subplots(len(epochs), len(table), squeeze=False, sharex=True, sharey=True)
    for column, (label, by_epoch) in zip(panels.T, table.items(), strict=True):
        for axes, epoch in zip(column, epochs, strict=True):
            _spectrum(axes, by_epoch[epoch], floor)
            axes.set_title(label if epoch is None else f"{label}, epoch {epoch}")
        column[-1].set_xlabel("eigenvalue of the Hessian")
    for axes in panels[:, 0]:
        axes.set_ylabel("density, per unit")
    return finished(figure, title, path)


def _by_epoch(entry: Density | Mapping[int, Density]) -> ByEpoch:
    return {None: entry} if isinstance(entry, Density) else dict(entry)


def _epochs(table: dict[str, ByEpoch]) -> list[Any]:
    epochs = [list(by_epoch) for by_epoch in table.values()]
    if not epochs[0] or any(other != epochs[0] for other in epochs):
        raise ValueError(
            "All labels must have spectra at the same epochs, one at least. Received: "
            + ", ".join(f"{label!r} at {list(table[label])}" for label in table)
        )
    return epochs[0]


def _spectrum(axes: "Axes", density: Density, floor: float) -> None:
    # Zeros of the density would break a log axis.
    heights = np.maximum(density.density, floor)
    axes.fill_between(density.grid, floor, heights, color="0.75", linewidth=0)
    axes.plot(density.grid, heights, "-", color="0.1", linewidth=0.8, marker="")
    largest = max(nodes.max() for nodes in density.nodes)
    axes.axvline(largest, color="0.3", linestyle=":", linewidth=1)
    note: Mapping[str, Any] = {"ha": "right", "va": "top", "fontsize": "small"}
    paper = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
    axes.text(0.96, 0.95, f"λ₁ = {largest:.3g}", bbox=paper, transform=axes.transAxes, **note)
    axes.set_yscale("log")
    axes.set_ylim(bottom=floor)
