"""What all figures share beside their style sheet, `figures.mplstyle`."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def literal(figure: "Figure") -> "Figure":
    """Has titles, notes and legends show each `$`, which Matplotlib takes for maths.

    A user's label may be no formula, which would end the drawing. Ticks keep their powers of ten.

    Args:
        figure: The `matplotlib.figure.Figure`, with all its texts.

    Returns:
        The figure.

    Example:

    >>> from keras_sam.figures import literal
    >>> from matplotlib.figure import Figure
    >>> figure = Figure()
    >>> title = figure.suptitle("3$ and 4$")
    >>> literal(figure).get_suptitle()
    '3\\\\$ and 4\\\\$'
    """
    for text in _texts(figure):
        text.set_text(re.sub(r"(?<!\\)\$", r"\\$", text.get_text()))
    return figure


def _texts(figure: Any) -> Iterator[Any]:
    """All texts of a figure but those of its axes' ticks."""
    for child in (child for part in (figure, *figure.axes) for child in part.get_children()):
        if hasattr(child, "get_texts"):  # A legend.
            yield from (*child.get_texts(), child.get_title())
        elif hasattr(child, "set_text"):
            yield child
