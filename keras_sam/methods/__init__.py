"""Named methods: find, build, save and load them."""

import builtins
from typing import Any, Literal, overload

# ruff: noqa: F403  (A module exports the factories that it registers: no list here repeats them.)
import keras

from keras_sam import checks
from keras_sam.methods.families.adaptive import *
from keras_sam.methods.families.ahead import *
from keras_sam.methods.families.bayes import *
from keras_sam.methods.families.chance import *
from keras_sam.methods.families.classes import *
from keras_sam.methods.families.gap import *
from keras_sam.methods.families.memory import *
from keras_sam.methods.families.mixture import *
from keras_sam.methods.families.noise import *
from keras_sam.methods.families.occasional import *
from keras_sam.methods.families.outputs import *
from keras_sam.methods.families.radius import *
from keras_sam.methods.families.sam import *
from keras_sam.methods.families.sparse import *
from keras_sam.methods.families.steps import *
from keras_sam.methods.method import Method
from keras_sam.methods.recommendation import Tuned, recommend, tuned
from keras_sam.methods.registry import ROWS, Cost, Row, register

__all__ = [
    *(row.factory.__name__ for row in ROWS.values()),
    "Cost",
    "Method",
    "Row",
    "Tuned",
    "deserialize",
    "get",
    "list",
    "options",
    "own_options",
    "recommend",
    "register",
    "serialize",
    "tuned",
]


@overload
def list(detail: Literal[False] = False) -> builtins.list[str]: ...


@overload
def list(detail: Literal[True]) -> builtins.list[Row]: ...


def list(detail: bool = False) -> builtins.list[str] | builtins.list[Row]:
    """Names of all methods.

    Args:
        detail: Whether to return the registry's rows instead. Defaults to `False`.

    Returns:
        Sorted list of names, or list of `keras_sam.methods.registry.Row`.

    Example:

    >>> "sam" in keras_sam.methods.list()
    True
    """
    names = sorted(ROWS)
    return [ROWS[name] for name in names] if detail else names


def get(identifier: str | Method | dict, **arguments: Any) -> Method:
    """The method of a name, with its options.

    Args:
        identifier: Registry name, a `Method` (returned as it is), or a config from `serialize`.
        **arguments: Options of the named method, such as `rho=0.1`; each has a default.

    Returns:
        `Method`.

    Raises:
        ValueError: If the name is unknown, or the method has no such option.
        TypeError: If `identifier` is none of these.

    Example:

    >>> keras_sam.methods.get("asam", rho=1.0, normalization="filter").rho
    1.0
    """
    if isinstance(identifier, Method | dict):
        if arguments:
            raise ValueError(
                "Options go with a method's name; give them to the method itself instead. "
                f"Received: {', '.join(arguments)}"
            )
        return identifier if isinstance(identifier, Method) else deserialize(identifier)
    if not isinstance(identifier, str):
        is_factory = any(identifier is row.factory for row in ROWS.values())
        hint = f"; call it: method={identifier.__name__}()" if is_factory else ""
        raise TypeError(
            "method must be a name from keras_sam.methods.list(), a keras_sam.methods.Method or "
            f"its config{hint}. Received: {checks.received(method=identifier)}"
        )
    if identifier not in ROWS:
        raise ValueError(
            f"Unknown method: {checks.nearest(identifier, sorted(ROWS))} "
            f"Received: {checks.received(method=identifier)}"
        )
    known = options(identifier)
    unknown = [name for name in arguments if name not in known]
    if unknown:
        raise ValueError(
            f"The method {identifier!r} has the options {', '.join(known)}. "
            f"Received: {checks.received(**{name: arguments[name] for name in unknown})}"
        )
    return ROWS[identifier].factory(**arguments)


def options(name: str) -> builtins.list[str]:
    """Names of the options of a named method, its own first.

    Args:
        name: Registry name.

    Returns:
        List of strings.

    Example:

    >>> keras_sam.methods.options("sam")
    ['rho', 'p', 'mask', 'every', 'start', 'ascent_fraction']
    """
    return ROWS[name].options


def own_options(name: str) -> builtins.list[str]:
    """Those options of a named method that its own factory has.

    Args:
        name: Registry name.

    Returns:
        List of strings.

    Example:

    >>> keras_sam.methods.own_options("sam")
    ['rho', 'p']
    """
    return [*ROWS[name].own_options]


def serialize(method: Method) -> dict:
    """Plain data from which `deserialize` makes an equal method.

    Args:
        method: A `Method`.

    Returns:
        Dict that JSON can hold.

    Example:

    >>> keras_sam.methods.deserialize(keras_sam.methods.serialize(keras_sam.methods.SAM(0.1))).rho
    0.1
    """
    return keras.saving.serialize_keras_object(method)


def deserialize(config: dict) -> Method:
    """The method of a config from `serialize`.

    Args:
        config: Dict.

    Returns:
        `Method`.

    Raises:
        ValueError: If the config holds no method.

    Example:

    >>> method = keras_sam.methods.deserialize(keras_sam.methods.serialize(keras_sam.methods.SAM()))
    """
    method = keras.saving.deserialize_keras_object(config)
    if not isinstance(method, Method):
        raise ValueError(
            "config must come from keras_sam.methods.serialize. "
            f"Received: config of a {type(method).__name__}"
        )
    return method
