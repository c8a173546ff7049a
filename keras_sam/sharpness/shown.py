"""What results and data show of themselves: their numbers, and of arrays the shape."""

import dataclasses
from typing import Any

import numpy as np


def described(thing: Any) -> str:
    """The `repr` of a dataclass that holds arrays.

    Args:
        thing: Instance of a dataclass.

    Returns:
        String in one line.

    Example:

    >>> import dataclasses
    >>> from keras_sam.sharpness.shown import described
    >>> @dataclasses.dataclass(repr=False)
    ... class Curve:
    ...     name: str
    ...     heights: np.ndarray
    ...     __repr__ = described
    >>> Curve("loss", np.zeros((3, 2)))
    Curve(name='loss', heights=float64 (3, 2))
    """
    fields = ((field.name, getattr(thing, field.name)) for field in dataclasses.fields(thing))
    shown = ", ".join(f"{name}={_shown(value)}" for name, value in fields)
    return f"{type(thing).__name__}({shown})"


def _shown(value: Any) -> str:
    if isinstance(value, tuple) and any(isinstance(part, np.ndarray) for part in value):
        return f"({', '.join(map(_shown, value))}{',' if len(value) == 1 else ''})"
    return f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else repr(value)
