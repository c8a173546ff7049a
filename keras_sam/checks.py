"""Checks of arguments and of what is installed, with errors that say what was expected."""

import difflib
import importlib
import math
import numbers
from collections.abc import Collection
from types import ModuleType
from typing import Any, NoReturn, TypeVar

ABOVE_INTEGERS = 2**31  # Backends count in 32 bits.
LONGEST = 200  # Characters that an error repeats of a value.
Kind = TypeVar("Kind")


def refuse(name: str, expected: str, value: Any) -> NoReturn:
    """Raises the error of an argument that is not what was expected."""
    raise ValueError(f"{name} must be {expected}. Received: {received(**{name: value})}")


def received(**values: Any) -> str:
    """Arguments and their values, as the end of an error repeats them.

    Example:

    >>> from keras_sam.checks import received
    >>> received(rho="0.1", p=[1, 2])
    "rho='0.1', p=[1, 2]"
    """
    return ", ".join(f"{name}={shown(value)}" for name, value in values.items())


def shown(value: Any) -> str:
    """Any value as an error repeats it: in one line, and not too long."""
    try:
        return shortened(repr(value))
    except ValueError:  # Python writes out no integer of thousands of digits.
        return f"<{type(value).__name__} that is too long to show>"


def shortened(text: str) -> str:
    """A text in one line, without its middle where it is long."""
    text = " ".join(text.splitlines())
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} … {text[-LONGEST // 4 :]}"


def is_number(value: Any) -> bool:
    """Whether `value` is a finite real number; a bool is not."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # An integer that no float holds.
        return False


def boolean(name: str, value: Any, others: str = "") -> bool:
    """`value`, if it is `True` or `False`: words and numbers have a truth of their own.

    Args:
        name: String, the argument.
        value: Anything.
        others: String, the other values that the caller takes, for the message. Defaults to `""`.
    """
    if not isinstance(value, bool):
        refuse(name, f"True, False or {others}" if others else "True or False", value)
    return value


def non_negative(name: str, value: Any) -> float:
    """`value` as a float, if it is a finite number of at least 0."""
    if not is_number(value) or value < 0:
        refuse(name, "a finite number of at least 0", value)
    return float(value)


def positive(name: str, value: Any) -> float:
    """`value` as a float, if it is a finite number above 0."""
    if not is_number(value) or value <= 0:
        refuse(name, "a finite number above 0", value)
    return float(value)


def fraction(name: str, value: Any) -> float:
    """`value` as a float, if it is a number above 0 and at most 1."""
    if not is_number(value) or not 0 < value <= 1:
        refuse(name, "a number above 0 and at most 1", value)
    return float(value)


def share(name: str, value: Any) -> float:
    """`value` as a float, if it is a number of at least 0 and below 1."""
    if not is_number(value) or not 0 <= value < 1:
        refuse(name, "a number of at least 0 and below 1", value)
    return float(value)


def from_zero_to_one(name: str, value: Any) -> float:
    """`value` as a float, if it is a number from 0 to 1."""
    if not is_number(value) or not 0 <= value <= 1:
        refuse(name, "a number from 0 to 1", value)
    return float(value)


def number(name: str, value: Any) -> float:
    """`value` as a float, if it is a finite number."""
    if not is_number(value):
        refuse(name, "a finite number", value)
    return float(value)


def _integer(name: str, value: Any, least: int, above: float = ABOVE_INTEGERS) -> int:
    is_integer = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not is_integer or value < least:
        refuse(name, f"an integer of at least {least}", value)
    if value >= above:
        refuse(name, f"an integer below {above}", value)
    return int(value)


def positive_integer(name: str, value: Any) -> int:
    """`value` as an int, if it is an integer of at least 1."""
    return _integer(name, value, 1)


def non_negative_integer(name: str, value: Any) -> int:
    """`value` as an int, if it is an integer of at least 0."""
    return _integer(name, value, 0)


def seed(name: str, value: Any) -> int:
    """`value` as an int, if it is an integer of at least 0, of any size."""
    return _integer(name, value, 0, above=math.inf)


def norm_order(p: Any) -> float:
    """`p` as a float, if a p-norm of this order exists."""
    is_infinite = isinstance(p, numbers.Real) and p == math.inf
    if not is_infinite and not (is_number(p) and p >= 1):
        refuse("p", "a number of at least 1, or math.inf for the sign", p)
    return float(p)


def one_of(name: str, value: Any, choices: Collection[str | None]) -> Any:
    """`value`, if it is among `choices`."""
    if not isinstance(value, str) or value not in choices:
        refuse(name, f"one of {', '.join(map(repr, choices))}", value)
    return value


def instance(name: str, value: Any, kind: type[Kind]) -> Kind:
    """`value`, if it is an object of the class `kind`."""
    if not isinstance(value, kind):
        refuse(name, f"an object of the class {kind.__name__}", value)
    return value


def nearest(name: str, names: Collection[str]) -> str:
    """A clause that names the nearest known names, or all of them where none is near."""
    close = difflib.get_close_matches(str(name), names, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(close)}?" if close else f"choose from {', '.join(names)}."


def import_extra(module: str, package: str, extra: str | None = "apps") -> ModuleType:
    """Imports a module that the package does without, or says how to install it.

    Args:
        module: String, the module's full name.
        package: String, the name under which it is installed.
        extra: String, the extra of keras-sam that has it; `None` if none has. Defaults to `"apps"`.

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
        wanted = package if extra is None else f"keras-sam[{extra}]"
        raise ImportError(
            f"This needs {package}, which is not installed: `pip install {wanted}`. "
            f"Received: {error}"
        ) from error
