"""The points that a sweep may try, from what the command line says."""

import dataclasses
import itertools
import math
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from optuna.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

# Flags of the app that a sweep sets itself, and the flags of its own that they come from.
OWNED = {
    "workdir": "--workdir",
    "holdout": "--holdout",
    "seeds": "--sweep_seeds and --final_seeds",
    "resume": "--resume",
    "overwrite": "--overwrite",
}
DIGITS = 4  # Enough to tell numbers apart, and few enough for the name of a folder.

Choice: TypeAlias = Any  # A distribution of Optuna's: each kind has attributes of its own.
Space = dict[str, Choice]  # What each flag may be.
Parameters = dict[str, str | int | float]  # What Optuna makes of it.


@dataclasses.dataclass(frozen=True)
class Point:
    """Values of some of the app's flags.

    Args:
        values: Dictionary from a flag's name to its value, as text.
    """

    values: dict[str, str]

    @property
    def label(self) -> str:
        """Name in lines and tables."""
        return ", ".join(f"{name}={value}" for name, value in self.values.items())

    @property
    def folder(self) -> str:
        """Name of the folder, without characters that a system may refuse."""
        return re.sub(r"[^\w.,=+-]", "_", self.label.replace(", ", ","))

    @property
    def arguments(self) -> list[str]:
        """List of command-line arguments."""
        return [f"--{name}={value}" for name, value in self.values.items()]

    @property
    def order(self) -> list[tuple[int, float, str]]:
        """Key by which the smaller one of two points comes first: by numbers, then by words."""
        return [
            (1, 0.0, value) if math.isnan(number := _number(value)) else (0, number, "")
            for value in self.values.values()
        ]

    @classmethod
    def of(cls, parameters: Parameters) -> "Point":
        """The point that Optuna's parameters stand for, numbers rounded."""
        return cls(
            {
                name: f"{value:.{DIGITS}g}" if isinstance(value, float) else str(value)
                for name, value in parameters.items()
            }
        )

    def parameters(self, space: Space) -> Parameters:
        """Optuna's parameters for a point of a space."""
        return {name: _parameter(value, space[name]) for name, value in self.values.items()}


def _number(text: str) -> float:
    """A number, or NaN for words."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def _parameter(text: str, choice: Choice) -> str | int | float:
    if isinstance(choice, CategoricalDistribution):
        return text
    # What was rounded may lie outside by a digit.
    number = min(max(float(text), choice.low), choice.high)
    return number if isinstance(choice, FloatDistribution) else int(number)


def space(grids: list[str], ranges: list[str], is_whole: Callable[[str], bool]) -> Space:
    """What a sweep chooses among.

    Args:
        grids: List of strings, each flag=value,value,….
        ranges: List of strings, each flag=low:high or flag=low:high:log.
        is_whole: Function of a flag's name: whether it takes whole numbers only.

    Returns:
        Dictionary from a flag's name to its distribution of Optuna's.

    Raises:
        ValueError: If a name or a value is missing or comes twice, or a range is none.
    """
    found: Space = {name: _values(text, values) for text, name, values in _named("grid", grids)}
    for text, name, values in _named("range", ranges):
        found[name] = _range(text, values, is_whole(name))
    return found


def _named(flag: str, texts: list[str]) -> Iterator[tuple[str, str, str]]:
    names = [text.partition("=")[0] for text in texts]
    for text, name in zip(texts, names, strict=True):
        values = text.partition("=")[2]
        if not name or not values or names.count(name) > 1:
            raise ValueError(
                f"{flag} is flag=values, once for each flag, as in rho=0.05,0.1. "
                f"Received: --{flag}={text}"
            )
        if name in OWNED:
            raise ValueError(f"{name} cannot vary: set {OWNED[name]}. Received: --{flag}={text}")
        yield text, name, values


def _values(text: str, values: str) -> CategoricalDistribution:
    found = [value.strip() for value in values.split(";" if ";" in values else ",")]
    if not all(found) or len(set(found)) < len(found):
        raise ValueError(
            f"A grid has different values, as in rho=0.05,0.1. Received: --grid={text}"
        )
    return CategoricalDistribution(found)


def _range(text: str, values: str, is_whole: bool) -> FloatDistribution | IntDistribution:
    ends, log, rest = values.replace(" ", "").partition(":log")
    try:
        low, high = map(float, ends.split(":"))
        if rest or not -math.inf < low < high < math.inf:
            raise ValueError(text)
        if is_whole:
            return IntDistribution(math.ceil(low), math.floor(high), log=bool(log))
        return FloatDistribution(low, high, log=bool(log))
    except ValueError:  # Also Optuna's: an end without a logarithm, no whole number in between.
        raise ValueError(
            "A range is low:high or, of numbers above 0, low:high:log, as in rho=0.01:0.5:log; a "
            f"flag of whole numbers needs one in between. Received: --range={text}"
        ) from None


def corners(space: Space) -> list[Point]:
    """All combinations of values and of the ends of ranges, the last flag's in turn first."""
    combined = itertools.product(*map(_ends, space.values()))
    return [Point.of(dict(zip(space, values, strict=True))) for values in combined]


def _ends(choice: Choice) -> tuple[Any, ...]:
    if isinstance(choice, CategoricalDistribution):
        return choice.choices
    return choice.low, choice.high


def named(folder: str, space: Space) -> Point | None:
    """The point that a folder is named after; `None` if the space has none of that name."""
    texts = re.fullmatch(",".join(f"{re.escape(name)}=(.+)" for name in space), folder)
    point = Point(dict(zip(space, texts.groups(), strict=True))) if texts else None
    return point if point and all(map(_has, space.values(), point.values.values())) else None


def _has(choice: Choice, text: str) -> bool:
    if isinstance(choice, CategoricalDistribution):
        return text in choice.choices
    return choice.low <= _number(text) <= choice.high
