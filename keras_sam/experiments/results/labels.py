"""Places for the labels of points, so that none hides a point, another label or its line."""

import numpy as np
from matplotlib.axes import Axes

BOX = np.array((13.0, 10.0))  # Points of the page, of a label with two digits.
DOT = 6.0
RINGS = range(10, 150, 5)
ANGLES = np.radians(np.arange(24) * 15)  # From the right on: error bars are upright.


def places(axes: Axes, points: list[tuple[float, float]]) -> np.ndarray:
    """Finds a place near each point, the nearest one that is free.

    Args:
        axes: Matplotlib axes, with their limits set and nothing that will move them.
        points: List of `(x, y)` in the units of the axes.

    Returns:
        Array (points, 2): the middle of each label, in points of the page from its point.
    """
    scale = 72 / axes.figure.dpi
    dots = axes.transData.transform(points) * scale
    corners = axes.bbox.get_points() * scale
    taken: list[np.ndarray] = []
    for dot in dots:
        taken.append(_free(dot, dots, taken, corners))
    return np.array(taken) - dots


def _free(
    dot: np.ndarray, dots: np.ndarray, taken: list[np.ndarray], corners: np.ndarray
) -> np.ndarray:
    candidates = [
        dot + radius * np.array((np.cos(angle), np.sin(angle)))
        for radius in RINGS
        for angle in ANGLES
    ]
    inside = [place for place in candidates if _is_inside(place, corners)]
    others = dots[np.any(dots != dot, axis=1)]
    lines = list(zip(dots, taken, strict=False))  # Of the labels so far.
    uncovering = [place for place in inside if not _covers(place, dots, lines)]
    free = (place for place in uncovering if not _crosses(place, dot, others, lines))
    # In the middle of a crowd a line over a point is better than a label there.
    return next(free, next(iter(uncovering), inside[0]))


def _is_inside(place: np.ndarray, corners: np.ndarray) -> bool:
    return bool(np.all(place - BOX / 2 > corners[0]) and np.all(place + BOX / 2 < corners[1]))


def _covers(place: np.ndarray, dots: np.ndarray, lines: list[tuple]) -> bool:
    """Whether a label at a place would lie on a point or on another label."""
    labels = np.array([label for _, label in lines]).reshape(-1, 2)
    on_dots = np.all(np.abs(dots - place) < (BOX + DOT) / 2, axis=1)
    return bool(on_dots.any() or np.any(np.all(np.abs(labels - place) < BOX, axis=1)))


def _crosses(place: np.ndarray, dot: np.ndarray, others: np.ndarray, lines: list[tuple]) -> bool:
    """Whether the line to a label meets other points or labels, or the label another's line."""
    labels = np.array([label for _, label in lines]).reshape(-1, 2)
    return bool(
        np.any(_distances(others, dot, place) < DOT / 2)
        or np.any(_distances(labels, dot, place) < BOX[1] / 2)
        or any(_distances(place[None], *line)[0] < BOX[1] / 2 for line in lines)
    )


def _distances(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Distances of points (n, 2) from the straight line between two places."""
    along = np.clip((points - start) @ (end - start) / np.sum((end - start) ** 2), 0, 1)
    return np.linalg.norm(points - (start + along[:, None] * (end - start)), axis=1)
