"""The loss around weights: lines, contours and surfaces, side by side on common scales."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from keras_sam.checks import import_extra
from keras_sam.sharpness.landscape import Landscape
from keras_sam.sharpness.plots.page import blank, checked, finished, look, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.contour import QuadContourSet
    from matplotlib.figure import Figure
    from mpl_toolkits.mplot3d import Axes3D

LEVELS = 12
SPACE = (4.6, 3.9)  # Inches of a panel with axes in space.


@styled
def profiles(
    landscapes: Mapping[str, Landscape],
    log: bool = False,
    title: str | None = None,
    path: str | Path | None = None,
) -> "Figure":
    """Draws 1-D landscapes in one panel, a line for each label.

    Args:
        landscapes: Dictionary from a label to a `keras_sam.sharpness.Landscape` of one axis.
        log: Whether the loss has a log axis. Defaults to `False`.
        title: String over the figure. Defaults to `None`.
        path: Path of the file to write. Defaults to `None`, none.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ImportError: If Matplotlib is missing.
        ValueError: If there is no label, or a landscape has two axes.

    Example:

    >>> from keras_sam.sharpness import Landscape, plots
    >>> steps = np.linspace(-1, 1, 5)
    >>> bowl = Landscape(losses=steps**2, coordinates=(steps,), axis_names=("step",))
    >>> plots.profiles({"bowl": bowl}).axes[0].get_xlabel()
    'step'
    """
    figure = blank(panel=(6.0, 3.6))
    axes = figure.subplots()
    found = _of_dimension(1, landscapes)
    for label, landscape in found.items():
        single = "o" if len(landscape.losses) == 1 else ""  # A single point makes no line.
        axes.plot(landscape.coordinates[0], landscape.losses, label=label, marker=single)
    if log:
        axes.set_yscale("log")
    axes.set(xlabel=next(iter(found.values())).axis_names[0], ylabel="loss")
    axes.legend()
    return finished(figure, title, path)


@styled
def contours(
    landscapes: Mapping[str, Landscape], title: str | None = None, path: str | Path | None = None
) -> "Figure":
    """Draws 2-D landscapes as contours, side by side on one logarithmic scale of the loss.

    Args:
        landscapes: Dictionary from a label to a `keras_sam.sharpness.Landscape` of two axes.
        title: String over the figure. Defaults to `None`.
        path: Path of the file to write. Defaults to `None`, none.

    Returns:
        A `matplotlib.figure.Figure`. A cross marks the point where all coordinates are 0.

    Raises:
        ImportError: If Matplotlib is missing.
        ValueError: If there is no label, or a landscape has fewer than two points an axis.

    Example:

    >>> from keras_sam.sharpness import Landscape, plots
    >>> steps = np.linspace(-1, 1, 5)
    >>> losses = steps[:, None] ** 2 + steps**2 + 0.1
    >>> bowl = Landscape(losses, coordinates=(steps, steps), axis_names=("first", "second"))
    >>> plots.contours({"bowl": bowl}).axes[0].get_ylabel()
    'second'
    """
    found = _of_dimension(2, landscapes)
    figure = blank(columns=len(found))
    panels = figure.subplots(1, len(found), squeeze=False, sharex=True, sharey=True)[0]
    levels = _levels(found.values())
    for axes, (label, landscape) in zip(panels, found.items(), strict=True):
        filled = _contour(axes, landscape, levels)
        axes.set_title(label)
        axes.set_xlabel(landscape.axis_names[0])
    panels[0].set_ylabel(next(iter(found.values())).axis_names[1])
    figure.colorbar(filled, ax=list(panels), label="loss", format="%.3g", ticks=levels[::2])
    return finished(figure, title, path)


def _contour(axes: "Axes", landscape: Landscape, levels: np.ndarray) -> "QuadContourSet":
    scale = import_extra("matplotlib.colors", "matplotlib", "sharpness").LogNorm(
        levels[0], levels[-1]
    )
    # Matplotlib's arrays have a row for each height, a landscape's for each first coordinate.
    grid = (*landscape.coordinates, np.clip(landscape.losses, levels[0], levels[-1]).T)
    filled = axes.contourf(*grid, levels=levels, norm=scale)
    axes.contour(*grid, levels=levels, colors="white", linewidths=0.5, alpha=0.6)
    axes.grid(False)
    axes.plot(0, 0, "+", color="white", markersize=9, markeredgewidth=1.5)
    return filled


@styled
def surfaces(
    landscapes: Mapping[str, Landscape],
    title: str | None = None,
    path: str | Path | None = None,
    ceiling: float | None = None,
) -> "Figure":
    """Draws 2-D landscapes as surfaces in space, side by side on one scale of the loss.

    Args:
        landscapes: Dictionary from a label to a `keras_sam.sharpness.Landscape` of two axes.
        title: String over the figure. Defaults to `None`.
        path: Path of the file to write. Defaults to `None`, none.
        ceiling: Float, the loss at which surfaces are cut off, lest the corners flatten the
            rest. Defaults to `None`, the largest.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ImportError: If Matplotlib is missing.
        ValueError: If there is no label, or a landscape has fewer than two points an axis.

    Example:

    >>> from keras_sam.sharpness import Landscape, plots
    >>> steps = np.linspace(-1, 1, 5)
    >>> losses = steps[:, None] ** 2 + steps**2 + 0.1
    >>> bowl = Landscape(losses, coordinates=(steps, steps), axis_names=("first", "second"))
    >>> plots.surfaces({"bowl": bowl}).axes[0].get_zlabel()
    'loss'
    """
    found = _of_dimension(2, landscapes)
    import_extra("mpl_toolkits.mplot3d", "matplotlib", "sharpness")  # Makes the projection known.
    figure = blank(columns=len(found), panel=SPACE)
    # The layout engine does not see the labels of axes in space.
    figure.set_layout_engine("none")
    places = {"left": 0.0, "right": 0.95, "bottom": 0.08, "top": 0.9, "wspace": 0.08}
    kind = {"projection": "3d"}
    panels = figure.subplots(1, len(found), squeeze=False, subplot_kw=kind, gridspec_kw=places)[0]
    low, high = _range(found.values())
    high = high if ceiling is None else ceiling
    for axes, (label, landscape) in zip(panels, found.items(), strict=True):
        _surface(axes, landscape, low, high)
        axes.set_title(label)
    return finished(figure, title, path)


def _surface(axes: "Axes3D", landscape: Landscape, low: float, high: float) -> None:
    first, second = np.meshgrid(*landscape.coordinates, indexing="ij")
    heights = np.minimum(landscape.losses, high)
    colors = {"cmap": look("image.cmap"), "vmin": low, "vmax": high, "edgecolor": "0.25"}
    axes.plot_surface(first, second, heights, rstride=1, cstride=1, linewidth=0.15, **colors)
    if low < high:  # Matplotlib finds limits of its own around a loss that is the same everywhere.
        axes.set_zlim(low, high)
    axes.set(xlabel=landscape.axis_names[0], ylabel=landscape.axis_names[1], zlabel="loss")
    axes.tick_params(labelsize="small")
    axes.locator_params(nbins=5)
    axes.set_box_aspect(None, zoom=0.9)  # Or the label of the loss is cut off.


def _of_dimension(dimension: int, landscapes: Mapping[str, Landscape]) -> Mapping[str, Landscape]:
    for label, landscape in checked("landscapes", landscapes).items():
        shape = landscape.losses.shape
        if len(shape) != dimension or (dimension == 2 and min(shape) < 2):
            raise ValueError(
                f"This figure needs landscapes of {dimension} "
                f"{'axes, with two points each at least' if dimension == 2 else 'axis'}. "
                f"Received: losses of shape {shape} for {label!r}"
            )
    return landscapes


def _range(landscapes: Iterable[Landscape]) -> tuple[float, float]:
    losses = np.concatenate([landscape.losses.ravel() for landscape in landscapes])
    losses = losses[np.isfinite(losses)]
    return losses.min(), losses.max()


def _levels(landscapes: Iterable[Landscape]) -> np.ndarray:
    """Logarithmic levels around all losses; a loss of 0 or below has the lowest."""
    low, high = _range(landscapes)
    low = max(low, 1e-4 * abs(high), float(np.finfo("float32").tiny))
    return np.geomspace(low * 0.999, max(high, low) * 1.001, LEVELS + 1)
