"""The figure of what each method gains and costs: accuracy against the time of a step."""

import numpy as np

from keras_sam.checks import import_extra
from keras_sam.experiments.results.labels import places
from keras_sam.experiments.results.outcomes import is_below, plain

SIZE = (10, 6.5)  # Inches.
AXES = (0.075, 0.1, 0.645, 0.82)  # Left, bottom, width and height, as shares of the figure.
LEGEND = 0.735
LINE_HEIGHT = 0.2  # Inches of the legend, or less with many methods.
BELOW = "tab:orange"
ABOVE = "tab:blue"
FAR_OFF = 3  # Interquartile ranges below the lower quartile.
NEAR = 12  # Points of the page: a label this near needs no line to its point.


def draw(found, title, path):
    """Draws a numbered point a method: mean accuracy, with a bar of one deviation.

    Args:
        found: List of `Outcome`, each with runs and a step time.
        title: String over the axes.
        path: Path of the PNG to write.

    Raises:
        ImportError: If Matplotlib is missing.
    """
    drawn(found, title).savefig(path, dpi=150)


def drawn(found, title):
    """The Matplotlib figure that `draw` writes."""
    # Without pyplot: no window system and no global state.
    figure = import_extra("matplotlib.figure", "matplotlib").Figure(figsize=SIZE)
    axes = figure.add_axes(AXES)
    reference = plain(found)
    times = np.array([outcome.step_time for outcome in found])
    if reference is not None:
        times = times / reference.step_time
        axes.axhline(np.mean(reference.accuracies), color="0.4", linestyle="--", linewidth=1)
    axes.set_xlabel("time of a step ÷ that of sgd" if reference else "training time of an epoch, s")
    axes.set_ylabel("accuracy on clean test images, %")
    axes.grid(alpha=0.3)
    means = np.array([np.mean(outcome.accuracies) for outcome in found])
    spreads = np.array([_deviation(outcome.accuracies) for outcome in found])
    colors = [BELOW if is_below(outcome, reference) else ABOVE for outcome in found]
    floor = _limit(axes, times, means, spreads, reference)
    _points(axes, times, means, spreads, colors, floor)
    _legend(figure, found, colors, [mean if mean < floor else None for mean in means], reference)
    figure.suptitle(title)
    return figure


def _deviation(accuracies):
    return np.std(accuracies, ddof=1) if len(accuracies) > 1 else 0.0


def _limit(axes, times, means, spreads, reference):
    """Fits the axes around all points but those far below; returns the lowest accuracy shown."""
    low, high = np.percentile(means, (25, 75))
    floor = low - FAR_OFF * max(high - low, 1)
    if reference is not None:
        floor = min(floor, np.mean(reference.accuracies))
    shown = means >= floor
    bottom = max((means - spreads)[shown].min(), floor)
    top = (means + spreads)[shown].max()
    margin = 0.06 * max(top - bottom, 0.5)
    axes.set_ylim(bottom - margin, top + margin)
    margin = 0.06 * max(np.ptp(times), 0.1 * times.max())
    axes.set_xlim(times.min() - margin, times.max() + margin)
    return floor


def _points(axes, times, means, spreads, colors, floor):
    bottom, top = axes.get_ylim()
    heights = np.where(means < floor, bottom + 0.01 * (top - bottom), means)
    for x, y, mean, spread, color in zip(times, heights, means, spreads, colors, strict=True):
        axes.plot(x, y, "v" if mean < floor else "o", color=color, markersize=4.5, zorder=3)
        if mean >= floor and spread:
            axes.errorbar(x, y, spread, color=color, alpha=0.35, capsize=2, linewidth=1)
    points = list(zip(times, heights, strict=True))
    numbered = enumerate(zip(points, places(axes, points), colors, strict=True), start=1)
    for number, (point, place, color) in numbered:
        _label(axes, str(number), point, place, color)


def _label(axes, text, point, place, color):
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


def _legend(figure, found, colors, far_off, reference):
    lines = [
        (f"{number:>2}  {outcome.label}" + (f"  (at {mean:.1f} %)" if mean is not None else ""), c)
        for number, (outcome, c, mean) in enumerate(zip(found, colors, far_off, strict=True), 1)
    ]
    if any(len(outcome.accuracies) > 1 for outcome in found):
        lines += [("bars: one deviation over the seeds", "black")]
    if reference is not None:
        lines += [("dashed: accuracy of sgd", "black"), ("orange: below sgd", BELOW)]
    height = min(LINE_HEIGHT / SIZE[1], AXES[3] / len(lines))
    for row, (text, color) in enumerate(lines):
        y = AXES[1] + AXES[3] - row * height
        size = min(9, 72 * SIZE[1] * height * 0.75)
        figure.text(LEGEND, y, text, color=color, fontsize=size, va="top")
