"""The loss along lines and over planes through a model's weights."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from keras_sam import checks
from keras_sam.sharpness.counting import shown
from keras_sam.sharpness.directions import sam_direction
from keras_sam.sharpness.errors import NonFiniteError
from keras_sam.sharpness.objective import Objective
from keras_sam.sharpness.shown import described


@dataclass(frozen=True, repr=False)
class Landscape:
    """Losses over one or two coordinates.

    Args:
        losses: Array, of shape (points,) or (points of the first axis, points of the second);
            NaN where the loss is not finite.
        coordinates: Tuple of one or two increasing arrays (points,); the model that was looked
            at is where all are 0.
        axis_names: Tuple of as many strings, what is walked along and in which unit.

    Raises:
        ValueError: If the shapes do not fit together.

    Example:

    >>> from keras_sam.sharpness import Landscape
    >>> steps = np.linspace(-1, 1, 5)
    >>> Landscape(losses=steps**2, coordinates=(steps,), axis_names=("step",)).losses.min()
    np.float64(0.0)
    """

    losses: np.ndarray
    coordinates: tuple[np.ndarray, ...]
    axis_names: tuple[str, ...]
    __repr__ = described

    def __post_init__(self) -> None:
        shape = tuple(len(axis) for axis in self.coordinates)
        if self.losses.shape != shape or len(self.axis_names) != len(shape):
            raise ValueError(
                "losses must have a coordinate and a name for each axis. Received: losses of "
                f"shape {self.losses.shape}, {shape} coordinates and names {self.axis_names!r}"
            )

    def save(self, path: str | Path) -> None:
        """Writes a NumPy archive that `load` reads.

        Args:
            path: Path, ending in `.npz`.
        """
        axes: dict[str, Any] = {
            f"coordinates_{number}": axis for number, axis in enumerate(self.coordinates)
        }
        np.savez_compressed(path, losses=self.losses, axis_names=np.array(self.axis_names), **axes)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """The landscape that `save` wrote.

        Args:
            path: Path, ending in `.npz`.

        Returns:
            A `Landscape`.
        """
        with np.load(path) as archive:
            names = tuple(archive["axis_names"].tolist())
            axes = tuple(archive[f"coordinates_{number}"] for number in range(len(names)))
            return cls(archive["losses"], axes, names)


def landscape(
    objective: Objective,
    *directions: np.ndarray,
    reach: float = 1.0,
    points: int = 51,
    progress: bool = False,
) -> Landscape:
    """The loss along a direction, or over the plane of two.

    It takes `points` passes over the data for one direction, and their square for two.

    Reference:
        Li et al., Visualizing the Loss Landscape of Neural Nets, NeurIPS 2018
        (https://arxiv.org/abs/1712.09913), with `keras_sam.sharpness.random_direction`.

    Args:
        objective: A `keras_sam.sharpness.Objective`.
        *directions: One or two arrays of shape `(objective.size,)`.
        reach: Float above 0, how far to go along each direction both ways, in lengths of it.
            Defaults to `1.0`.
        points: Odd integer of at least 1, points along each direction, one of them the weights
            themselves. Defaults to `51`.
        progress: Whether to show a progress bar. Defaults to `False`.

    Returns:
        A `Landscape`.

    Raises:
        ValueError: If an argument is outside its range, or the loss at the weights is not finite.

    Example:

    >>> from keras_sam import sharpness
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> objective = sharpness.Objective(model, np.ones((8, 2)), np.ones((8, 1)), loss="mse")
    >>> along = sharpness.random_direction(objective)
    >>> sharpness.landscape(objective, along, points=11).losses.shape
    (11,)
    """
    _check(objective, directions, points)
    checks.positive("reach", reach)
    steps = np.linspace(-reach, reach, points)
    numbers = ("first ", "second ") if len(directions) > 1 else ("",)
    names = tuple(f"multiples of the {number}direction" for number in numbers)
    return _walked(objective, directions, (steps,) * len(directions), names, progress)


def perturbation_landscape(
    objective: Objective,
    rho: float = 0.05,
    reach: float = 2.0,
    points: int = 51,
    progress: bool = False,
) -> Landscape:
    """The loss along the perturbation of SAM, which climbs the gradient over all data.

    Args:
        objective: A `keras_sam.sharpness.Objective`.
        rho: Float above 0, length of the perturbation. Defaults to `0.05`.
        reach: Float above 0, how many perturbations to go both ways. Defaults to `2.0`.
        points: Odd integer of at least 1. Defaults to `51`.
        progress: Whether to show a progress bar. Defaults to `False`.

    Returns:
        A `Landscape` over the distance from the weights; SAM perturbs to where it is rho.

    Raises:
        ValueError: If an argument is outside its range, or the loss at the weights is not finite.

    Example:

    >>> from keras_sam import sharpness
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> objective = sharpness.Objective(model, np.ones((8, 2)), np.ones((8, 1)), loss="mse")
    >>> found = sharpness.perturbation_landscape(objective, rho=0.1, points=3)
    >>> found.coordinates[0].round(1).tolist()
    [-0.2, 0.0, 0.2]
    """
    unit = sam_direction(objective, rho) / rho
    _check(objective, (unit,), points)
    distances = rho * checks.positive("reach", reach) * np.linspace(-1, 1, points)
    return _walked(objective, (unit,), (distances,), ("distance along the gradient",), progress)


def _check(objective: Objective, directions: Sequence[np.ndarray], points: int) -> None:
    if checks.positive_integer("points", points) % 2 == 0:
        raise ValueError(f"points must be odd, for one at the weights. Received: points={points}")
    shapes = [np.shape(direction) for direction in directions]
    if len(shapes) not in (1, 2) or any(shape != (objective.size,) for shape in shapes):
        raise ValueError(
            f"Give one or two directions of shape ({objective.size},). Received: {shapes}"
        )


def _walked(
    objective: Objective,
    directions: Sequence[np.ndarray],
    axes: tuple[np.ndarray, ...],
    names: tuple[str, ...],
    progress: bool,
) -> Landscape:
    # What can go wrong at the weights does so here; further out the loss only overflows.
    objective.loss()
    steps = list(itertools.product(*axes))
    offsets = (sum(np.multiply(*pair) for pair in zip(step, directions)) for step in steps)
    walk = shown(offsets, progress, "landscape", "point", len(steps))
    losses = [finite_loss(objective, offset) for offset in walk]
    return Landscape(np.reshape(losses, [len(axis) for axis in axes]), axes, names)


def finite_loss(objective: Objective, offset: np.ndarray) -> float:
    """The loss at `weights + offset`; NaN where it is not finite."""
    try:
        return objective.loss(offset)
    except NonFiniteError:
        return np.nan
