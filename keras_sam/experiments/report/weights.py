"""Histograms of the weights of trained networks' first convolutions."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from keras_sam.experiments.report.figures import WIDTH, as_picture
from keras_sam.experiments.report.groups import Row
from keras_sam.experiments.report.page import Picture

BINS = 60
PANEL_HEIGHT = 1.5  # Inches.


def histograms(rows: list[Row], keys: list[str], title: str, name: str) -> Picture | None:
    """A histogram for each row's first seed, one below the other, with a logarithmic count.

    Args:
        rows: List of `Row` with finished runs.
        keys: Keys in which the rows differ.
        title: String over the panels.
        name: String, name of the file.

    Returns:
        A `Picture`; `None` where no network has a convolution.
    """
    kernels = [
        (row.label(keys), first_kernel(row.finished[0].path / "model.keras")) for row in rows
    ]
    found = {label: kernel for label, kernel in kernels if kernel is not None}
    if not found:
        return None
    figure = Figure(figsize=(WIDTH, 0.9 + PANEL_HEIGHT * len(found)))
    panels = figure.subplots(len(found), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    edge = max(np.abs(kernel).max() for kernel in found.values())
    for axes, (label, kernel) in zip(panels, found.items()):
        axes.hist(kernel.ravel(), np.linspace(-edge, edge, BINS + 1))
        axes.set_yscale("log")
        axes.set_title(label, fontsize="small", loc="left")
    highest = max(bar.get_height() for axes in panels for bar in axes.patches)
    panels[0].set_ylim(0.5, 2 * max(highest, 10))  # A single weight is a bar as well.
    panels[-1].set_xlabel("weight of the first convolution")
    figure.supylabel("number of weights", fontsize="medium")
    figure.suptitle(title)
    spreads = [f"{label}: deviation {kernel.std():.3g}" for label, kernel in found.items()]
    alt = f"Histograms of the weights of the first convolution. {'; '.join(spreads)}."
    return as_picture(figure, name, alt, f"Weights of the first convolution: {title}. First seed.")


def first_kernel(path: Path) -> np.ndarray | None:
    """The kernel of a saved network's first convolution.

    Args:
        path: Path of a `.keras` file.

    Returns:
        Array; `None` where there is no convolution.
    """
    # Imported here: only these figures need a backend.
    import keras

    from keras_sam import keras_hooks  # It registers the layers that a network may have, too.

    model = keras.saving.load_model(path, compile=False)
    found = (x for x in keras_hooks.layers_of(model) if isinstance(x, keras.layers.Conv2D))
    layer = next(found, None)
    return None if layer is None else keras.ops.convert_to_numpy(layer.kernel)
