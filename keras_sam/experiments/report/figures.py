"""The curves of a report: over the epochs, and over the time of training."""

import io
import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from keras_sam.experiments.report.groups import Row
from keras_sam.experiments.report.page import Picture
from keras_sam.experiments.results.curves import band
from keras_sam.figures import literal

MOST_LINES = 8  # The style sheet has as many looks.
SMALLEST_LOSS = 1e-12  # A logarithm must have something to show.
WIDTH = 6.4  # Inches: readable on a phone.


def curves(rows: list[Row], keys: list[str], title: str, name: str) -> Picture:
    """Test accuracy and training loss over the epochs.

    Args:
        rows: List of `Row` with finished runs, at most `MOST_LINES`.
        keys: Keys in which the rows differ.
        title: String over the panels.
        name: String, name of the file.

    Returns:
        A `Picture`.
    """
    figure, panels = panels_for(2, 6.2, title)
    accuracy_and_loss(panels, {row.label(keys): row for row in rows})
    panels[0].set_ylabel("test accuracy, %")
    panels[1].set_ylabel("training loss")
    alt = f"Curves of test accuracy and training loss over the epochs. {_ends(rows, keys)}"
    return with_legend(figure, name, alt, f"Over the epochs: {title}. {band_caption(rows)}")


def accuracy_and_loss(panels: Sequence[Axes], rows: dict[str, Row]) -> None:
    """Draws test accuracy over the epochs into a first panel, and training loss into a second.

    Args:
        panels: Two Matplotlib axes.
        rows: Dictionary from a label to a `Row` with finished runs.
    """
    panels[1].set_yscale("log")
    for label, row in rows.items():
        band(panels[0], 100 * row.curves("val_accuracy"), label)
        band(panels[1], row.curves("loss").clip(lower=SMALLEST_LOSS), label)
    panels[1].set_xlabel("epoch")
    panels[1].locator_params(axis="x", integer=True)
    _name_ticks(panels[1])


def over_time(rows: list[Row], keys: list[str], title: str, name: str) -> Picture:
    """Test accuracy over the seconds of training; arguments as of `curves`."""
    figure, (axes,) = panels_for(1, 4.2, title)
    for row in rows:
        seconds = row.curves("training_time").mean(axis="columns")
        band(axes, 100 * row.curves("val_accuracy").set_axis(seconds), row.label(keys))
    axes.set(xlabel="training time, s", ylabel="test accuracy, %")
    alt = f"Curves of test accuracy over training time. {_ends(rows, keys)}"
    return with_legend(figure, name, alt, f"Over training time: {title}. {band_caption(rows)}")


def panels_for(count: int, height: float, title: str) -> tuple[Figure, list[Axes]]:
    """A Matplotlib figure with panels one below the other, and these; the height in inches."""
    # Without pyplot: no window system.
    figure = Figure(figsize=(WIDTH, height))
    panels = figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0]
    figure.suptitle("\n".join(textwrap.wrap(title, 76)))
    return figure, list(panels)


def _name_ticks(axes: Axes) -> None:
    """Writes out a logarithmic axis, and its steps between where it spans less than a decade."""
    low, high = axes.get_ylim()
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:.3g}" if high < 10 * low else "")


def _ends(rows: list[Row], keys: list[str]) -> str:
    ends = [f"{row.label(keys)} ends at {row.accuracy.mean:.1f} %" for row in rows]
    return f"{'; '.join(ends)}."


def band_caption(rows: list[Row]) -> str:
    """What the bands around the lines of some rows are."""
    several = any(len(row.finished) > 1 for row in rows)
    return "Bands: one standard deviation over the seeds." if several else "A single seed each."


def with_legend(figure: Figure, name: str, alt: str, caption: str) -> Picture:
    """A Matplotlib figure with a legend of its first panel's lines; arguments as `as_picture`."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    columns = 1 if max(map(len, labels)) > 34 else 2
    # Outside, where it hides nothing.
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, handlelength=4)
    return as_picture(figure, name, alt, caption)


def as_picture(figure: Figure, name: str, alt: str, caption: str) -> Picture:
    """A Matplotlib figure as a part of the page.

    Args:
        figure: Matplotlib figure.
        name: String, name of the file.
        alt: String, what it shows, for who cannot see it.
        caption: String.

    Returns:
        A `Picture`.
    """
    buffer = io.BytesIO()
    literal(figure).savefig(buffer, format="png", metadata={"Software": None})
    return Picture(name, buffer.getvalue(), alt, caption)
