"""Named methods: find, build, save and load them."""

import inspect

import keras

from keras_sam import checks
from keras_sam.methods import families as named
from keras_sam.methods.families import *  # noqa: F403 - every factory, by its own __all__.
from keras_sam.methods.method import Method
from keras_sam.methods.registry import ROWS

__all__ = [
    *named.__all__,
    "Method",
    "deserialize",
    "get",
    "list",
    "options",
    "own_options",
    "serialize",
]

# Every method takes these beside its own options.
WHEN_AND_WHERE = ("mask", "every", "start", "ascent_fraction")


def list(detail: bool = False):
    """Names of all methods.

    Args:
        detail: Whether to return the registry's rows instead. Defaults to `False`.

    Returns:
        Sorted list of names, or list of `keras_sam.methods.registry.Row`.

    Example:

    >>> "sam" in keras_sam.methods.list()
    True
    """
    return [ROWS[name] if detail else name for name in sorted(ROWS)]


def get(identifier: str | Method | dict, **arguments) -> Method:
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
        raise TypeError(
            "method must be a name from keras_sam.methods.list(), a keras_sam.methods.Method or "
            f"its config. Received: method={identifier!r}"
        )
    if identifier not in ROWS:
        raise ValueError(
            f"Unknown method: {checks.nearest(identifier, sorted(ROWS))} "
            f"Received: method={identifier!r}"
        )
    known = options(identifier)
    unknown = [name for name in arguments if name not in known]
    if unknown:
        raise ValueError(
            f"The method {identifier!r} has the options {', '.join(known)}. "
            f"Received: {', '.join(f'{name}={arguments[name]!r}' for name in unknown)}"
        )
    return ROWS[identifier].factory(**arguments)


def options(name: str):
    """Names of the options of a named method, its own first.

    Args:
        name: Registry name.

    Returns:
        List of strings.

    Example:

    >>> keras_sam.methods.options("sam")
    ['rho', 'p', 'mask', 'every', 'start', 'ascent_fraction']
    """
    own = own_options(name)
    shared = [option for option in WHEN_AND_WHERE if option not in ROWS[name].fixed]
    return own + [option for option in shared if option not in own]


def own_options(name: str):
    """Those options of a named method that its own factory has.

    Args:
        name: Registry name.

    Returns:
        List of strings.

    Example:

    >>> keras_sam.methods.own_options("sam")
    ['rho', 'p']
    """
    parameters = inspect.signature(ROWS[name].factory).parameters.values()
    return [p.name for p in parameters if p.kind is not inspect.Parameter.VAR_KEYWORD]


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
