"""The figures of a report over a setting: error over rho, accuracy over noise and batch size."""

from matplotlib.axes import Axes

from keras_sam.experiments.report.figures import MOST_LINES, panels_for, with_legend
from keras_sam.experiments.report.groups import Row
from keras_sam.experiments.report.names import identity
from keras_sam.experiments.report.page import Picture

# What results are drawn over: the axis's title, its scale, and the names of its values.
OVER = {
    "rho": ("rho", "log", "{:g}"),
    "label_noise": ("share of wrong training labels", "linear", "{:.0%}"),
    "batch_size": ("batch size", "log", "{:g}"),
}


def over(
    key: str, lines: dict[str, list[Row]], reference: Row | None, title: str, name: str
) -> Picture:
    """Results over a setting, with their 95 % intervals: test error over rho, else accuracy.

    Args:
        key: String, a key of `OVER`.
        lines: Dictionary from a label to a list of `Row`, with different values of the key.
        reference: `Row` to draw as a level line, or `None`.
        title: String over the axes.
        name: String, name of the file.

    Returns:
        A `Picture`.
    """
    figure, (axes,) = panels_for(1, 4.2, title)
    xlabel, scale, form = OVER[key]
    quantity = "test error" if key == "rho" else "test accuracy"
    for number, (label, rows) in enumerate(lines.items()):
        axes.errorbar(
            _aside([row.settings[key] for row in rows], scale, number, len(lines)),
            [_height(row, quantity) for row in rows],
            [row.accuracy.half_width or 0 for row in rows],
            label=label,
            capsize=3,
        )
    if reference is not None:
        _level(axes, reference, quantity)
    axes.set(xlabel=xlabel, ylabel=f"{quantity}, %", xscale=scale)
    values = sorted({row.settings[key] for rows in lines.values() for row in rows})
    axes.set_xticks(values, [form.format(value) for value in values])
    axes.set_xticks([], minor=True)
    heights = {label: [_height(row, quantity) for row in rows] for label, rows in lines.items()}
    shown = "; ".join(f"{k}: {', '.join(f'{h:.1f}' for h in v)}" for k, v in heights.items())
    at = ", ".join(map(form.format, values))
    alt = f"{quantity.capitalize()} in % over {xlabel} ({at}). {shown}."
    caption = f"{quantity.capitalize()} over {xlabel}: {title}. Bars: 95 % intervals."
    return with_legend(figure, name, alt, caption)


def lines_over(key: str, rows: list[Row], keys: list[str]) -> dict[str, list[Row]]:
    """The lines of `over`: rows that differ in a key, the best where several share a value.

    Args:
        key: String, a key of `OVER`.
        rows: List of `Row` with finished runs.
        keys: Keys in which the rows differ.

    Returns:
        Dictionary from a label to a list of at least two `Row`.
    """
    found: dict[str, dict] = {}
    # The best radius depends on the noise and on the batch size.
    free = {key, "rho"}
    for row in sorted(rows, key=lambda row: row.accuracy.mean):
        value = row.settings.get(key)
        if value is not None and (OVER[key][1] == "linear" or value > 0):
            own = identity(row.settings, [k for k in row.settings if k not in free])
            found.setdefault(own, {})[value] = row
    lines = [[points[x] for x in sorted(points)] for points in found.values() if len(points) > 1]
    lines.sort(key=lambda points: rows.index(points[0]))
    return {_line_label(points[0], keys, free): points for points in lines[:MOST_LINES]}


def _line_label(row: Row, keys: list[str], free: set[str]) -> str:
    label = row.label([key for key in keys if key not in {*free, "num_batch_splits"}])
    if "num_batch_splits" not in keys or not row.settings.get("rho"):
        return label
    splits = row.settings.get("num_batch_splits") or 1
    return f"{label}, m = {row.settings['batch_size'] / splits:g}"


def _aside(values: list[float], scale: str, number: int, count: int) -> list[float]:
    """Values moved a little, so that a line's bars do not lie on another's."""
    steps = number - (count - 1) / 2
    if scale == "log":
        return [value * 1.03**steps for value in values]
    return [value + 0.01 * steps * max(values) for value in values]


def _height(row: Row, quantity: str) -> float:
    return 100 - row.accuracy.mean if quantity == "test error" else row.accuracy.mean


def _level(axes: Axes, row: Row, quantity: str) -> None:
    height, margin = _height(row, quantity), row.accuracy.half_width or 0
    axes.axhline(height, color="0.35", linestyle=(0, (8, 3)), label=row.settings["method"])
    axes.axhspan(height - margin, height + margin, color="0.5", alpha=0.2, linewidth=0)
