"""A published table as data: cells, each of them a preset and what differs from it."""

import dataclasses
from typing import Any

from keras_sam.experiments.flags.checking import as_argument


@dataclasses.dataclass(frozen=True)
class Cell:
    """One training command of a table, of several methods and seeds or of one method.

    Args:
        place: Dictionary from an axis of the table to where on it the cell is, both in words that
            can name a folder.
        flags: Dictionary from a flag's name to its value: a preset, and what differs from it.
        app: String, whose flags these are. Defaults to `"train_resnet"`.
        grid: Dictionary from a flag's name to values to choose among on held-out training images;
            the cell is then a sweep, of one method. Defaults to none.
        like: String, the name of a cell whose chosen values are flags of this one as well.
            Defaults to none.
        seeds: List of strings, the seeds of a sweep's final runs. Defaults to three.
    """

    place: dict[str, str]
    flags: dict[str, Any]
    app: str = "train_resnet"
    grid: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    like: str | None = None
    seeds: list[str] = dataclasses.field(default_factory=lambda: ["10", "11", "12"])

    @property
    def name(self) -> str:
        """Its name, which is its folder's as well."""
        return "/".join(self.place.values())

    @property
    def arguments(self) -> list[str]:
        """The flags as a command line has them."""
        return [as_argument(name, value) for name, value in self.flags.items() if value is not None]


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of the papers.

    Args:
        source: String, what it reproduces.
        cells: List of `Cell`, the table as published.
        small: List of `Cell`, what one core trains to its end within an hour. Defaults to none.
    """

    source: str
    cells: list[Cell]
    small: list[Cell] = dataclasses.field(default_factory=list)


def cover(cells: list[Cell]) -> list[Cell]:
    """A few of the cells, in which each value of each axis occurs.

    Args:
        cells: List of `Cell`.

    Returns:
        List of `Cell`, in their order, with those that others need.
    """
    left, chosen = set().union(*map(_values, cells)), []
    while left:
        # Of equal ones the first.
        best = max(cells, key=lambda cell: len(left & _values(cell)))
        chosen.append(best)
        left -= _values(best)
    return with_needed(chosen, cells)


def with_needed(chosen: list[Cell], cells: list[Cell]) -> list[Cell]:
    """The chosen ones of some cells and those whose choices they take, in the order of all."""
    names = {cell.name for cell in chosen} | {cell.like for cell in chosen}
    found = [cell for cell in cells if cell.name in names]
    return found if len(found) == len(chosen) else with_needed(found, cells)


def _values(cell: Cell) -> set[tuple[str, str]]:
    return set(cell.place.items())
