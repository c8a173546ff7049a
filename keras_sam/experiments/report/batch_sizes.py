"""The figure of batch sizes: the curves of all of them, a column of panels for each method."""

import matplotlib
from matplotlib.figure import Figure

from keras_sam.experiments.report.figures import (
    MOST_LINES,
    WIDTH,
    accuracy_and_loss,
    band_caption,
    with_legend,
)
from keras_sam.experiments.report.groups import METHOD_KEYS, Row
from keras_sam.experiments.report.page import Picture

KEY = "batch_size"
MOST_COLUMNS = 3


def batch_sizes(
    rows: list[Row], baseline: str | None, keys: list[str], title: str, name: str
) -> Picture | None:
    """Test accuracy and training loss over the epochs at each batch size, side by side by method.

    Args:
        rows: List of `Row` with finished runs, tried under conditions that differ in the batch
            size alone; the best one of each size is drawn where several differ in their radius.
        baseline: String, the method of the first column, or `None`.
        keys: Keys in which the rows differ.
        title: String over the panels.
        name: String, name of the file.

    Returns:
        A `Picture`; `None` where no method has several sizes.
    """
    columns = _columns(rows, baseline, keys)
    sizes = sorted({size for sized in columns.values() for size in sized})[:MOST_LINES]
    if not columns:
        return None
    figure = Figure(figsize=(WIDTH, 6.2))
    panels = figure.subplots(2, len(columns), sharex=True, sharey="row", squeeze=False)
    for column, (label, sized) in zip(panels.T, columns.items(), strict=True):
        column[0].set_title(label)
        for number, size in enumerate(sizes):
            if size in sized:
                _draw(column, number, sized[size])
    panels[0, 0].set_ylabel("test accuracy, %")
    panels[1, 0].set_ylabel("training loss")
    figure.suptitle(title)
    shown = [row for sized in columns.values() for row in sized.values()]
    alt = f"Curves of test accuracy and training loss over the epochs. {_ends(columns)}"
    caption = f"Batch sizes over the epochs: {title}. {band_caption(shown)}"
    return with_legend(figure, name, alt, caption)


def _columns(rows: list[Row], baseline: str | None, keys: list[str]) -> dict[str, dict[int, Row]]:
    """Rows by method and batch size: the baseline's first, of the others the best."""
    own = [key for key in keys if key in METHOD_KEYS and key != "rho"]
    found: dict[str, dict[int, Row]] = {}
    for row in sorted(rows, key=lambda row: row.accuracy.mean, reverse=True):
        found.setdefault(row.label(own), {}).setdefault(row.settings[KEY], row)
    several = {label: sized for label, sized in found.items() if len(sized) > 1}
    order = sorted(several, key=lambda label: _method(several[label]) != baseline)
    return {label: several[label] for label in order[:MOST_COLUMNS]}


def _method(sized: dict[int, Row]) -> str:
    return next(iter(sized.values())).settings["method"]


def _draw(column: list, number: int, row: Row) -> None:
    """Draws a row with the look that its batch size has in every column."""
    for axes in column:
        axes.set_prop_cycle(matplotlib.rcParams["axes.prop_cycle"][number:])
    accuracy_and_loss(column, {f"batch size {row.settings[KEY]}": row})


def _ends(columns: dict[str, dict[int, Row]]) -> str:
    ends = [
        f"{label}, batch size {size}, ends at {sized[size].accuracy.mean:.1f} %"
        for label, sized in columns.items()
        for size in sorted(sized)
    ]
    return f"{'; '.join(ends)}."
