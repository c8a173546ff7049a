"""What all figures share: an empty page, styles that survive grey, and how to keep them."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from keras_sam.checks import import_extra

if TYPE_CHECKING:
    from matplotlib.figure import Figure

T = TypeVar("T")

PANEL = (3.6, 3.1)  # Inches.
DOTS_PER_INCH = 120
STYLES = (
    ("#1f5fa8", "-", "o"),
    ("#d9780f", "--", "s"),
    ("#2b2b2b", ":", "^"),
    ("#8fb63a", "-.", "D"),
    ("#9467bd", (0, (5, 1, 1, 1, 1, 1)), "v"),
    ("#7f7f7f", (0, (1, 3)), "x"),
)


def blank(columns: int = 1, rows: int = 1, panel: tuple[float, float] = PANEL) -> "Figure":
    """An empty Matplotlib figure for some panels, without pyplot: no window, no global state.

    Args:
        columns: Positive integer. Defaults to `1`.
        rows: Positive integer. Defaults to `1`.
        panel: Tuple of two floats, width and height of a panel in inches. Defaults to
            `(3.6, 3.1)`.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ImportError: If Matplotlib is missing.

    Example:

    >>> from keras_sam.sharpness.plots import page
    >>> page.blank().axes
    []
    """
    size = (max(columns * panel[0], 4.8), rows * panel[1] + 0.4)
    figure = import_extra("matplotlib.figure", "matplotlib", "sharpness").Figure
    return figure(figsize=size, layout="constrained")


def styles() -> Iterator[dict[str, Any]]:
    """Keyword arguments of one line after the other: colour, line style and marker.

    Returns:
        Endless iterator over dictionaries.

    Example:

    >>> from keras_sam.sharpness.plots import page
    >>> sorted(next(page.styles()))
    ['color', 'linestyle', 'marker']
    """
    return (dict(zip(("color", "linestyle", "marker"), row)) for row in itertools.cycle(STYLES))


def finished(
    figure: "Figure", title: str | None = None, path: str | Path | None = None
) -> "Figure":
    """Puts the title on a figure, and saves it where wanted.

    Args:
        figure: The `matplotlib.figure.Figure`.
        title: String over all panels. Defaults to `None`.
        path: Path of the file to write; its ending says the format. Defaults to `None`.

    Returns:
        The figure.

    Example:

    >>> from keras_sam.sharpness.plots import page
    >>> page.finished(page.blank(), title="Empty").get_suptitle()
    'Empty'
    """
    if title:
        figure.suptitle(title, wrap=True)  # Into lines as wide as the figure.
    if path is not None:
        figure.savefig(path, dpi=DOTS_PER_INCH)
    return figure


def checked(name: str, entries: dict[str, T]) -> dict[str, T]:
    """`entries`, if there is a label with something to draw.

    Args:
        name: String, the argument's name.
        entries: Expected to be a dictionary with an entry at least, none of them empty.

    Returns:
        The dictionary.

    Raises:
        ValueError: If it is something else.

    Example:

    >>> from keras_sam.sharpness.plots import page
    >>> page.checked("landscapes", {"SGD": [1.0]})
    {'SGD': [1.0]}
    """
    if not isinstance(entries, dict) or not entries:
        raise ValueError(
            f"{name} must be a dictionary from a label to what is drawn for it, with one label at "
            f"least. Received: {name}={entries!r}"
        )
    return entries
