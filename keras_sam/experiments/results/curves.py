"""The figure of a comparison over the epochs, from the metrics of its runs."""

import numpy as np

LINE_STYLES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)))
PANELS = (
    ("val_accuracy", "accuracy on clean test images"),
    ("accuracy", "accuracy on training labels"),
    ("val_loss", "loss on clean test images"),
    ("loss", "loss on training labels"),
)


def draw(histories, title, path):
    """Draws accuracy and loss over the epochs: mean lines, with a band of one deviation.

    Args:
        histories: Dictionary from a method's label to a list of its runs' metrics, each a list
            of dictionaries, one an epoch.
        title: String over the panels.
        path: Path of the PNG to write.

    Raises:
        ImportError: If Matplotlib is missing.
    """
    # Imported here: who draws bands only need not wait for a backend.
    from keras_sam.checks import import_extra

    # Without pyplot: no window system and no global state.
    figure = import_extra("matplotlib.figure", "matplotlib").Figure(
        figsize=(9, 6.5), layout="constrained"
    )
    for axes, (key, name) in zip(figure.subplots(2, 2, sharex=True).flat, PANELS, strict=True):
        for number, (label, runs) in enumerate(histories.items()):
            curves = np.array([[line[key] for line in run] for run in runs])
            band(axes, np.arange(1, curves.shape[1] + 1), curves, label, number)
        axes.set_ylabel(name)
        axes.grid(alpha=0.3)
    for axes in figure.axes[2:]:
        axes.set_xlabel("epoch")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    figure.suptitle(title)
    figure.savefig(path, dpi=150)


def band(axes, x, curves, label, number):
    """Draws a mean line with a band of one deviation; of the logarithms on a logarithmic axis.

    Args:
        axes: Matplotlib axes, with their scale set.
        x: Array (points,).
        curves: Array (runs, points).
        label: String for the legend.
        number: Integer, the line's place in the legend, which chooses its style.
    """
    to, back = (np.log, np.exp) if axes.get_yscale() == "log" else (np.copy, np.copy)
    curves = to(curves)
    mean = curves.mean(axis=0)
    style = LINE_STYLES[number % len(LINE_STYLES)]
    (line,) = axes.plot(x, back(mean), label=label, linestyle=style, marker=_marker(x))
    if len(curves) > 1:
        deviation = curves.std(axis=0, ddof=1)
        low, high = back(mean - deviation), back(mean + deviation)
        axes.fill_between(x, low, high, color=line.get_color(), alpha=0.2)


def _marker(x):
    return "o" if len(x) == 1 else None  # A single point makes no line.
