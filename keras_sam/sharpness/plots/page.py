"""What all figures share: their look, an empty page, and how to keep them."""

import functools
import io
from collections.abc import Callable, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from keras_sam.checks import import_extra
from keras_sam.figures import literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PANEL = (3.6, 3.1)  # Inches.
P = ParamSpec("P")
R = TypeVar("R")
Entries = TypeVar("Entries", bound=Mapping)


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Has a function draw with the style sheet of all figures, `keras_sam/figures.mplstyle`.

    Args:
        draw: Function that draws.

    Returns:
        The function, whose caller's settings of Matplotlib stay as they are.

    Example:

    >>> import matplotlib
    >>> from keras_sam.sharpness.plots import page
    >>> page.styled(lambda: matplotlib.rcParams["axes.grid"])()
    True
    """

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> R:
        style = import_extra("matplotlib.style", "matplotlib", "sharpness")
        with style.context("keras_sam.figures"):
            return draw(*args, **kwargs)

    return drawn


def look(name: str) -> Any:
    """A value of the style sheet, for what Matplotlib does not take from it by itself.

    Args:
        name: String, as in `matplotlib.rcParams`.

    Returns:
        The value.

    Example:

    >>> from keras_sam.sharpness.plots import page
    >>> page.styled(page.look)("image.cmap")
    'cividis'
    """
    return import_extra("matplotlib", "matplotlib", "sharpness").rcParams[name]


def blank(columns: int = 1, rows: int = 1, panel: tuple[float, float] = PANEL) -> "Figure":
    """An empty Matplotlib figure for some panels, without pyplot: no window, no global state.

    Args:
        columns: Positive integer. Defaults to `1`.
        rows: Positive integer. Defaults to `1`.
        panel: Tuple of two floats, width and height of a panel in inches. Defaults to
            `(3.6, 3.1)`.

    Returns:
        A `matplotlib.figure.Figure`, which a notebook shows.

    Raises:
        ImportError: If Matplotlib is missing.

    Example:

    >>> from keras_sam.sharpness.plots import page
    >>> page.blank().axes
    []
    """
    size = (max(columns * panel[0], 4.8), rows * panel[1] + 0.4)
    figure = import_extra("matplotlib.figure", "matplotlib", "sharpness").Figure(figsize=size)
    figure._repr_png_ = functools.partial(_png, figure)  # Else only pyplot's figures are shown.
    return figure


def _png(figure: "Figure") -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def finished(
    figure: "Figure", title: str | None = None, path: str | PathLike | None = None
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
    literal(figure)
    if path is not None:
        figure.savefig(path)
    return figure


def checked(name: str, entries: Entries) -> Entries:
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
