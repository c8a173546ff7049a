"""Random values for an argument, and which of them are of its type."""

import math
import numbers
import types
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

WORDS = (
    *("all", "kernels", "biases", "normalization", "element", "filter", "weights", "adaptive"),
    *(
        "sam",
        "asam",
        "mup2",
        "naive",
        "random",
        "gradient",
        "epoch",
        "symmetric",
        "pair",
        "class",
        "unit",
    ),
)
PROPER: dict[Any, tuple[Any, ...]] = {
    bool: (True, False),
    int: (0, 1, 2, 3, 5),
    float: (0.0, 0.001, 0.05, 0.5, 0.999, 1.0, 2, 7.5, np.float32(0.25)),
    str: WORDS,
    type(None): (None,),
    dict: ({}, {4: 2}, {5: 1}),
    list: ([], ["kernels"], ["kernels", "biases"]),
}
# Of any argument: wrong types, and numbers that hardly any range has.
STRANGE: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 2.5, 1.0, math.nan, math.inf, -math.inf, 1e300, 1e-300, 10**400),
    *("", "false", "0.1", "2", "no such name", b"sam", "a\0b", "ü"),
    *([], [1], {}, (), ("kernels",), {"a": 1}, set(), object(), callable, type, 1j),
    *(np.int64(2), np.float64(0.5), np.bool_(True), np.array([1.0, 2.0]), np.nan),
)
SHARE_OF_PROPER = 0.6


def drawn(hint: Any, draw: np.random.Generator) -> Any:
    """A random value, as often of the type of an annotation as not."""
    if draw.random() < SHARE_OF_PROPER:
        kinds = [kind for part in parts(hint) for kind in PROPER if _is_about(part, kind)]
        proper = [value for kind in kinds for value in PROPER[kind]]
        if proper:
            return proper[int(draw.integers(len(proper)))]
    return STRANGE[int(draw.integers(len(STRANGE)))]


def parts(hint: Any) -> list[Any]:
    """The parts of a union, or the annotation itself."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return [part for inner in typing.get_args(hint) for part in parts(inner)]
    return [hint]


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is of the type of an annotation, as far as this looks into it."""
    return any(_fits(value, part) for part in parts(hint))


def _fits(value: Any, hint: Any) -> bool:
    hint = typing.get_origin(hint) or hint
    if hint is typing.Literal or not isinstance(hint, type):
        return True
    if issubclass(hint, bool):
        return isinstance(value, bool | np.bool_)
    if hint is int:
        return isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if hint is float:
        return isinstance(value, numbers.Real) and not isinstance(value, bool)
    if hint is Callable or issubclass(hint, Callable):  # type: ignore[arg-type]
        return callable(value)
    if hint in (Sequence, Collection, list, tuple):
        return isinstance(value, list | tuple)
    return isinstance(value, Mapping if hint is Mapping else hint)


def _is_about(hint: Any, kind: type) -> bool:
    origin = typing.get_origin(hint) or hint
    if kind is list:
        return origin in (Sequence, Collection, list, tuple)
    return origin is kind
