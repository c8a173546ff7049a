"""The curves of a report: over the epochs, and over the time of training."""

import io
import math
import textwrap

import numpy as np
from matplotlib.figure import Figure

from keras_sam.experiments.report.page import Picture
from keras_sam.experiments.results.curves import band

# Colours of Okabe and Ito, which differ for the colour-blind; line styles and markers tell the
# lines apart in grey.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C6D31")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
MOST_LINES = len(COLORS)
SMALLEST_LOSS = 1e-12  # A logarithm must have something to show.
WIDTH = 6.4  # Inches: readable on a phone.


def curves(rows, keys, title, name):
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
    panels[1].set_yscale("log")
    for number, row in enumerate(rows):
        label = row.label(keys)
        accuracies = _histories(row, "val_accuracy") * 100
        epochs = np.arange(1, accuracies.shape[1] + 1)
        _line(panels[0], epochs, accuracies, label, number)
        losses = np.maximum(_histories(row, "loss"), SMALLEST_LOSS)
        _line(panels[1], epochs, losses, label, number)
    panels[0].set_ylabel("test accuracy, %")
    panels[1].set(ylabel="training loss", xlabel="epoch")
    panels[1].xaxis.get_major_locator().set_params(integer=True)
    _name_ticks(panels[1])
    alt = f"Curves of test accuracy and training loss over the epochs. {_ends(rows, keys)}"
    return with_legend(figure, name, alt, f"Over the epochs: {title}. {_band_caption(rows)}")


def over_time(rows, keys, title, name):
    """Test accuracy over the seconds of training; arguments as of `curves`."""
    figure, (axes,) = panels_for(1, 4.2, title)
    for number, row in enumerate(rows):
        seconds = _stacked([run.times for run in row.finished]).mean(axis=0)
        _line(axes, seconds, _histories(row, "val_accuracy") * 100, row.label(keys), number)
    axes.set(xlabel="training time, s", ylabel="test accuracy, %")
    alt = f"Curves of test accuracy over training time. {_ends(rows, keys)}"
    return with_legend(figure, name, alt, f"Over training time: {title}. {_band_caption(rows)}")


def panels_for(count, height, title):
    """A Matplotlib figure with panels one below the other, and these; the height in inches."""
    # Without pyplot: no window system and no global state.
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    panels = figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0]
    for axes in panels:
        axes.set_prop_cycle(color=COLORS, marker=MARKERS, markersize=[4.5] * MOST_LINES)
        axes.grid(alpha=0.3)
    figure.suptitle("\n".join(textwrap.wrap(title, 76)), fontsize="medium")
    return figure, panels


def _line(axes, x, values, label, number):
    band(axes, x, values, label, number)
    # A marker here and there, each line's elsewhere, so that none covers another's.
    step = max(1, len(x) // 8)
    axes.lines[-1].set_markevery((number * step // MOST_LINES, step))


def _name_ticks(axes):
    """Writes out a logarithmic axis, and its steps between where it spans less than a decade."""
    low, high = axes.get_ylim()
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:.3g}" if high < 10 * low else "")


def _histories(row, key):
    return _stacked([[line.get(key, math.nan) for line in run.history] for run in row.finished])


def _stacked(curves):
    """Curves as an array (runs, epochs), as long as the shortest one."""
    return np.array(list(zip(*curves))).T


def _ends(rows, keys):
    ends = [f"{row.label(keys)} ends at {row.accuracy.mean:.1f} %" for row in rows]
    return f"{'; '.join(ends)}."


def _band_caption(rows):
    several = any(len(row.finished) > 1 for row in rows)
    return "Bands: one standard deviation over the seeds." if several else "A single seed each."


def with_legend(figure, name, alt, caption):
    """A Matplotlib figure with a legend of its first panel's lines; arguments as `as_picture`."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    columns = 1 if max(map(len, labels)) > 34 else 2
    # Outside, where it hides nothing.
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, handlelength=4)
    return as_picture(figure, name, alt, caption)


def as_picture(figure, name, alt, caption):
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
    figure.savefig(buffer, format="png", dpi=150, metadata={"Software": None})
    return Picture(name, buffer.getvalue(), alt, caption)
