"""The figure of what each method gains and costs: accuracy against the time of a step."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from keras_sam.experiments.results.labels import places
from keras_sam.experiments.results.outcomes import Outcome, is_below, plain
from keras_sam.figures import literal

SIZE = (10, 6.5)  # Inches.
AXES = (0.075, 0.1, 0.645, 0.82)  # Left, bottom, width and height, as shares of the figure.
LEGEND = 0.735
LINE_HEIGHT = 0.2  # Inches of the legend, or less with many methods.
ABOVE, BELOW = "C0", "C1"  # Of the style sheet.
FAR_OFF = 3  # Interquartile ranges below the lower quartile.
NEAR = 12  # Points of the page: a label this near needs no line to its point.


def draw(found: list[Outcome], title: str, path: Path) -> None:
    """Draws a numbered point a method: mean accuracy, with its 95 % interval as a bar.

    Args:
        found: List of `Outcome`, each with finished runs and a step time.
        title: String over the axes.
        path: Path of the PNG to write.
    """
    literal(drawn(found, title)).savefig(path)


def drawn(found: Sequence[Outcome], title: str) -> Figure:
    """The Matplotlib figure that `draw` writes."""
    figure = Figure(figsize=SIZE)  # Without pyplot: no window system.
    figure.set_layout_engine("none")  # Labels keep the places they get.
    axes = figure.add_axes(AXES)
    reference = plain(found)
    times = np.array([outcome.step_time for outcome in found])
    if reference is not None:
        times = times / reference.step_time
        axes.axhline(reference.accuracy.mean, color="0.4", linestyle="--", linewidth=1)
    axes.set_xlabel("time of a step ÷ that of sgd" if reference else "training time of an epoch, s")
    axes.set_ylabel("accuracy on clean test images, %")
    means = np.array([outcome.accuracy.mean for outcome in found])
    margins = np.array([outcome.accuracy.half_width or 0.0 for outcome in found])
    colors = [BELOW if is_below(outcome, reference) else ABOVE for outcome in found]
    floor = _limit(axes, times, means, margins, reference)
    _points(axes, times, means, margins, colors, floor)
    _legend(figure, found, colors, [mean if mean < floor else None for mean in means], reference)
    figure.suptitle(title)
    return figure


def _limit(
    axes: Axes, times: np.ndarray, means: np.ndarray, margins: np.ndarray, reference: Outcome | None
) -> float:
    """Fits the axes around all points but those far below; returns the lowest accuracy shown."""
    low, high = np.percentile(means, (25, 75))
    floor = low - FAR_OFF * max(high - low, 1)
    if reference is not None:
        floor = min(floor, reference.accuracy.mean)
    shown = means >= floor
    bottom = max((means - margins)[shown].min(), floor)
    top = (means + margins)[shown].max()
    margin = 0.06 * max(top - bottom, 0.5)
    axes.set_ylim(bottom - margin, top + margin)
    margin = 0.06 * max(np.ptp(times), 0.1 * times.max())
    axes.set_xlim(times.min() - margin, times.max() + margin)
    return floor


def _points(
    axes: Axes,
    times: np.ndarray,
    means: np.ndarray,
    margins: np.ndarray,
    colors: list[str],
    floor: float,
) -> None:
    bottom, top = axes.get_ylim()
    heights = np.where(means < floor, bottom + 0.01 * (top - bottom), means)
    for x, y, mean, margin, color in zip(times, heights, means, margins, colors, strict=True):
        axes.plot(x, y, "v" if mean < floor else "o", color=color, zorder=3)
        if mean >= floor and margin:
            axes.errorbar(x, y, margin, color=color, alpha=0.35, capsize=2, linewidth=1, marker="")
    points = list(zip(times, heights, strict=True))
    numbered = enumerate(zip(points, places(axes, points), colors, strict=True), start=1)
    for number, (point, place, color) in numbered:
        _label(axes, str(number), point, tuple(place), color)


def _label(axes: Axes, text: str, point: tuple, place: tuple, color: str) -> None:
    line = {"arrowstyle": "-", "linewidth": 0.6, "color": color, "shrinkA": 0, "shrinkB": 0}
    axes.annotate(
        text,
        point,
        place,
        textcoords="offset points",
        ha="center",
        va="center",
        fontsize=8,
        arrowprops=line if np.hypot(*place) > NEAR else None,
        bbox={"boxstyle": "round,pad=0.05", "facecolor": "white", "edgecolor": "none"},
    )


def _legend(
    figure: Figure,
    found: Sequence[Outcome],
    colors: list[str],
    far_off: list[float | None],
    reference: Outcome | None,
) -> None:
    lines = [
        (f"{number:>2}  {outcome.label}" + (f"  (at {mean:.1f} %)" if mean is not None else ""), c)
        for number, (outcome, c, mean) in enumerate(zip(found, colors, far_off, strict=True), 1)
    ]
    if any(len(outcome.finished) > 1 for outcome in found):
        lines += [("bars: 95 % intervals over the seeds", "black")]
    if reference is not None:
        lines += [("dashed: accuracy of sgd", "black"), ("orange: below sgd", BELOW)]
    height = min(LINE_HEIGHT / SIZE[1], AXES[3] / len(lines))
    for row, (text, color) in enumerate(lines):
        y = AXES[1] + AXES[3] - row * height
        size = min(9, 72 * SIZE[1] * height * 0.75)
        figure.text(LEGEND, y, text, color=color, fontsize=size, va="top")
