"""Checks of arguments and of what is installed, with errors that say what was expected."""

import difflib
import importlib
import math
import numbers
from collections.abc import Collection
from types import ModuleType
from typing import Any


def _refuse(name, expected, value):
    raise ValueError(f"{name} must be {expected}. Received: {name}={value!r}")


def is_number(value: Any) -> bool:
    """Whether `value` is a finite real number; a bool is not."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return False
    return math.isfinite(value)


def non_negative(name: str, value: Any) -> float:
    """`value` as a float, if it is a finite number of at least 0."""
    if not is_number(value) or value < 0:
        _refuse(name, "a finite number of at least 0", value)
    return float(value)


def positive(name: str, value: Any) -> float:
    """`value` as a float, if it is a finite number above 0."""
    if not is_number(value) or value <= 0:
        _refuse(name, "a finite number above 0", value)
    return float(value)


def fraction(name: str, value: Any) -> float:
    """`value` as a float, if it is a number above 0 and at most 1."""
    if not is_number(value) or not 0 < value <= 1:
        _refuse(name, "a number above 0 and at most 1", value)
    return float(value)


def share(name: str, value: Any) -> float:
    """`value` as a float, if it is a number of at least 0 and below 1."""
    if not is_number(value) or not 0 <= value < 1:
        _refuse(name, "a number of at least 0 and below 1", value)
    return float(value)


def from_zero_to_one(name: str, value: Any) -> float:
    """`value` as a float, if it is a number from 0 to 1."""
    if not is_number(value) or not 0 <= value <= 1:
        _refuse(name, "a number from 0 to 1", value)
    return float(value)


def number(name: str, value: Any) -> float:
    """`value` as a float, if it is a finite number."""
    if not is_number(value):
        _refuse(name, "a finite number", value)
    return float(value)


def _integer(name, value, least):
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
        _refuse(name, f"an integer of at least {least}", value)
    return int(value)


def positive_integer(name: str, value: Any) -> int:
    """`value` as an int, if it is an integer of at least 1."""
    return _integer(name, value, 1)


def non_negative_integer(name: str, value: Any) -> int:
    """`value` as an int, if it is an integer of at least 0."""
    return _integer(name, value, 0)


def norm_order(p: Any) -> float:
    """`p` as a float, if a p-norm of this order exists."""
    is_order = isinstance(p, numbers.Real) and not isinstance(p, bool) and float(p) >= 1
    if not is_order:
        _refuse("p", "a number of at least 1, or math.inf for the sign", p)
    return float(p)


def one_of(name: str, value: Any, choices: Collection[str | None]) -> Any:
    """`value`, if it is among `choices`."""
    if not isinstance(value, str) or value not in choices:
        _refuse(name, f"one of {', '.join(map(repr, choices))}", value)
    return value


def nearest(name: str, names: Collection[str]) -> str:
    """A clause that names the nearest known names, or all of them where none is near."""
    close = difflib.get_close_matches(str(name), names, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(close)}?" if close else f"choose from {', '.join(names)}."


def import_extra(module: str, package: str, extra: str = "apps") -> ModuleType:
    """Imports a module of an extra, or says how to install it.

    Args:
        module: String, the module's full name.
        package: String, the name under which it is installed.
        extra: String, the extra of keras-sam that has it. Defaults to `"apps"`.

    Returns:
        The module.

    Raises:
        ImportError: If it is not installed.

    Example:

    >>> from keras_sam.checks import import_extra
    >>> import_extra("json", "json").dumps(1)
    '1'
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"This needs {package}, which is not installed: `pip install keras-sam[{extra}]`. "
            f"Received: {error}"
        ) from error
