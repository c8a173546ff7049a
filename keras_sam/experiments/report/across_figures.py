"""The figures of several tables: the error saved on each data set, and the error by network."""

import itertools
import re
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from keras_sam.experiments.report.figures import MOST_LINES, WIDTH, with_legend
from keras_sam.experiments.report.groups import Row
from keras_sam.experiments.report.names import title_of
from keras_sam.experiments.report.page import Picture
from keras_sam.experiments.report.savings import Saving, same_figures

ROW_HEIGHT = 0.26  # Inches for a dot.


def reductions(found: list[Saving], name: str) -> Picture:
    """The share of the error that a method saves: a dot for each network and data set.

    Args:
        found: List of `Saving`, sorted by their `place`.
        name: String, name of the file.

    Returns:
        A `Picture`.
    """
    heights = dict(zip(found, _heights(found), strict=True))
    figure = Figure(figsize=(WIDTH, 1.6 + ROW_HEIGHT * (1 + heights[found[-1]])))
    axes = figure.subplots()
    for method in sorted({saving.row.settings["method"] for saving in found}):
        own = [saving for saving in found if saving.row.settings["method"] == method]
        _dots(axes, own, [heights[saving] for saving in own], method)
    places: dict[str, list[float]] = {}
    for saving, height in heights.items():
        places.setdefault(_label(saving), []).append(height)
    axes.axvline(0, color="0.35", linestyle=(0, (8, 3)), linewidth=1)
    axes.set_yticks([sum(own) / len(own) for own in places.values()], list(places))
    axes.set_ylim(heights[found[-1]] + 1, -1)
    axes.set_xlabel("error saved, % of the baseline's")
    figure.suptitle("Error saved on each data set")
    shown = [f"{_label(s)}, {s.row.settings['method']}: {s.share:.1f}" for s in found]
    alt = f"Dots of the error saved, in % of the baseline's. {'; '.join(shown)}."
    caption = (
        "The error that each method saves, a dot for each row of the table. Bars: 95 % intervals; "
        "hollow: as published for this network."
    )
    return with_legend(figure, name, alt, caption)


def place(saving: Saving) -> list:
    """What savings are sorted by: the data set, then the network and the augmentation."""
    return _natural(_label(saving))


def _label(saving: Saving) -> str:
    """A line for the data set and one for the network."""
    common = saving.table.common
    detail = title_of({**common, "model": "", "dataset": ""}).partition(", ")[2]
    network = [common["model"], detail.replace(" augmentation", "")]
    return "\n".join([common["dataset"], ", ".join(filter(None, network))])


def _dots(axes: Axes, own: list[Saving], heights: list[float], label: str) -> None:
    margins = [saving.margin or 0 for saving in own]
    shares = [saving.share for saving in own]
    dots = axes.errorbar(shares, heights, xerr=margins, linestyle="none", capsize=3, label=label)
    published = [
        (share, height) for s, height in zip(own, heights, strict=True) for share in s.published
    ]
    _hollow(axes, dots, published)


def _hollow(axes: Axes, dots: ErrorbarContainer, points: Sequence[tuple[float, float]]) -> None:
    """Draws published points with the look of ours, but hollow."""
    line = dots.lines[0]
    axes.plot(
        [x for x, _ in points],
        [y for _, y in points],
        color=line.get_color(),
        marker=line.get_marker(),
        markerfacecolor="none",
        markersize=8,
        linestyle="none",
    )


def _heights(savings: list[Saving]) -> list[float]:
    """A height for each dot, with room between those of two places."""
    found, height = [0.0], 0.0
    for last, saving in itertools.pairwise(savings):
        height += 1.0 if _label(saving) == _label(last) else 2.0
        found.append(height)
    return found


def by_network(
    rows: list[Row], keys: list[str], title: str, name: str, experiment: str | None
) -> Picture:
    """Test error of several networks on one data set, a panel for each number of epochs.

    Args:
        rows: List of `Row` with finished runs.
        keys: Keys in which the rows differ, but for the network.
        title: String over the panels.
        name: String, name of the file.
        experiment: String such as `"e5"`, or `None`.

    Returns:
        A `Picture`.
    """
    panels = _panels(rows)
    networks = sorted({row.settings["model"] for row in rows}, key=_natural)
    figure = Figure(figsize=(WIDTH, 4.2))
    drawn = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    left = [key for key in keys if len(panels) == 1 or key != "epochs"]
    for axes, (epochs, own) in zip(drawn, panels.items(), strict=True):
        _network_lines(axes, own, networks, left, experiment)
        if len(panels) > 1:
            axes.set_title(f"{epochs} epochs")
    drawn[0].set_ylabel("test error, %")
    figure.suptitle(title)
    shown = [f"{row.settings['model']}, {row.label(keys)}: {_error(row):.1f}" for row in rows]
    alt = f"Test error in % of several networks. {'; '.join(shown)}."
    caption = f"Test error by network: {title}. Bars: 95 % intervals; hollow: as published for it."
    return with_legend(figure, name, alt, caption)


def _panels(rows: list[Row]) -> dict[int, list[Row]]:
    """Rows by epochs, if all methods were trained for the same ones; else all together."""
    by_method: dict[str, set] = {}
    for row in rows:
        by_method.setdefault(row.settings["method"], set()).add(row.settings["epochs"])
    epochs = set.union(*by_method.values())
    if any(own != epochs for own in by_method.values()):
        return {0: rows}
    return {e: [row for row in rows if row.settings["epochs"] == e] for e in sorted(epochs)}


def _network_lines(
    axes: Axes, rows: list[Row], networks: list[str], keys: list[str], experiment: str | None
) -> None:
    lines: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: networks.index(row.settings["model"])):
        lines.setdefault(row.label(keys), []).append(row)
    for label, own in list(lines.items())[:MOST_LINES]:
        places = [networks.index(row.settings["model"]) for row in own]
        margins = [row.accuracy.half_width or 0 for row in own]
        dots = axes.errorbar(places, list(map(_error, own)), margins, label=label, capsize=3)
        published = [
            (place, 100 - figure.accuracy)
            for place, row in zip(places, own, strict=True)
            for figure in same_figures(row, experiment)
        ]
        _hollow(axes, dots, published)
    axes.set_xticks(range(len(networks)), networks, rotation=30, ha="right")
    axes.set_xlim(-0.3, len(networks) - 0.7)


def _natural(name: str) -> list:
    """Sorts names with numbers in them by these: resnet50 before resnet101."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def _error(row: Row) -> float:
    return 100 - row.accuracy.mean
