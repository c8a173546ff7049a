"""Loops that are written out."""

from collections.abc import Callable
from typing import TypeVar

State = TypeVar("State")


def repeated(step: Callable[[State], State], state: State, times: int) -> State:
    """`step` applied to its own result, again and again.

    JAX compiles one program for all times, TensorFlow one for each.

    Args:
        step: Function of a tree of tensors, to a tree of equal shapes and dtypes.
        state: The tree to begin with.
        times: Integer of at least 0.
    """
    for _ in range(times):
        state = step(state)
    return state
