"""Arguments of a call by their names."""

import inspect
from collections.abc import Callable
from typing import Any


def named(
    function: Callable, args: tuple[Any, ...], kwargs: dict[str, Any], like: Callable | None = None
) -> dict[str, Any]:
    """The arguments of a call by their names in `function`, but for `self`.

    Args:
        function: Function or method.
        args: Tuple of the arguments by position.
        kwargs: Dict of the others.
        like: Method of a class, whose arguments are those that an `*args` hands on. Defaults to
            `None`.

    Returns:
        Dict.

    Raises:
        TypeError: If the function does not take them.

    Example:

    >>> from keras_sam.wrapping.arguments import named
    >>> named(lambda x, y=0, **rest: None, (1,), {"z": 2})
    {'x': 1, 'z': 2}
    """
    signature = inspect.signature(function)
    given = dict(signature.bind(*args, **kwargs).arguments)
    given.pop("self", None)
    for name, parameter in signature.parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            given |= given.pop(name, {})
        if parameter.kind is parameter.VAR_POSITIONAL and like is not None:
            given |= named(like, (None, *given.pop(name, ())), {})
    return given
