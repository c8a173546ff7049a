"""The points that a sweep tries, from what the command line says."""

import dataclasses
import itertools
import math
import re

# Flags of the app that a sweep sets itself, and the flags of its own that they come from.
OWNED = {
    "workdir": "--workdir",
    "holdout": "--holdout",
    "seeds": "--sweep_seeds and --final_seeds",
    "resume": "--resume",
    "overwrite": "--overwrite",
}


@dataclasses.dataclass(frozen=True)
class Point:
    """Values of some of the app's flags.

    Args:
        values: Dictionary from a flag's name to its value, as text.
    """

    values: dict

    @property
    def label(self):
        """Name in lines and tables."""
        return ", ".join(f"{name}={value}" for name, value in self.values.items())

    @property
    def folder(self):
        """Name of the folder, without characters that a system may refuse."""
        return re.sub(r"[^\w.,=+-]", "_", self.label.replace(", ", ","))

    @property
    def arguments(self):
        """List of command-line arguments."""
        return [f"--{name}={value}" for name, value in self.values.items()]

    @property
    def order(self):
        """Key by which the smaller one of two points comes first: by numbers, then by words."""
        return [
            (0, number, "") if (number := _number(value)) is not None else (1, 0.0, value)
            for value in self.values.values()
        ]


@dataclasses.dataclass(frozen=True)
class Range:
    """Numbers between two ends.

    Args:
        low: Float.
        high: Float.
        is_log: Whether each factor is as likely, rather than each difference.
    """

    low: float
    high: float
    is_log: bool


def _number(text):
    try:
        number = float(text)
    except ValueError:
        return None
    return None if math.isnan(number) else number


def grids(texts):
    """The values to try of each flag.

    Args:
        texts: List of strings, each flag=value,value,….

    Returns:
        Dictionary from a flag's name to a list of different strings.

    Raises:
        ValueError: If a name or a value is missing or comes twice.
    """
    return {name: _values(values, text) for text, name, values in _named("grid", texts)}


def _values(values, text):
    found = [value.strip() for value in values.split(";" if ";" in values else ",")]
    if not all(found) or len(set(found)) < len(found):
        raise ValueError(
            f"A grid has different values, as in rho=0.05,0.1. Received: --grid={text}"
        )
    return found


def ranges(texts):
    """The range of each flag.

    Args:
        texts: List of strings, each flag=low:high or flag=low:high:log.

    Returns:
        Dictionary from a flag's name to its `Range`.

    Raises:
        ValueError: If one is no range of numbers.
    """
    return {name: _range(values, text) for text, name, values in _named("range", texts)}


def _range(values, text):
    low, high, *scale = [part.strip() for part in values.split(":")] + [""] * (":" not in values)
    ends = _number(low), _number(high)
    is_log = scale == ["log"]
    is_scale = is_log or not scale
    if (
        None in ends
        or not is_scale
        or not ends[0] < ends[1] < math.inf
        or (is_log and ends[0] <= 0)
    ):
        raise ValueError(
            "A range is low:high or, of numbers above 0, low:high:log, as in rho=0.01:0.5:log. "
            f"Received: --range={text}"
        )
    return Range(*ends, is_log)


def _named(flag, texts):
    split = [(text, *text.partition("=")[::2]) for text in texts]
    names = [name for _, name, _ in split]
    for text, name, values in split:
        if not name or not values or names.count(name) > 1:
            raise ValueError(
                f"{flag} is flag=values, once for each flag, as in rho=0.05,0.1. "
                f"Received: --{flag}={text}"
            )
        if name in OWNED:
            raise ValueError(f"{name} cannot vary: set {OWNED[name]}. Received: --{flag}={text}")
    return split


def product(choices):
    """All combinations, the last flag's values in turn first.

    Args:
        choices: Dictionary from a flag's name to a list of values.

    Returns:
        List of `Point`.
    """
    combined = itertools.product(*choices.values())
    return [Point(dict(zip(choices, values, strict=True))) for values in combined]
