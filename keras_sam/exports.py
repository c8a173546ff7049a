"""Marks of what is public where it is defined, and of what is saved under our name."""

import sys
from collections.abc import Callable
from typing import TypeVar

import keras

Thing = TypeVar("Thing", bound=Callable)


def exported(thing: Thing) -> Thing:
    """Marks a class or function as public where it is defined, so that no list repeats it.

    Args:
        thing: Class or function of a module that its package imports with `*`.

    Returns:
        The same.
    """
    vars(sys.modules[thing.__module__]).setdefault("__all__", []).append(thing.__name__)
    return thing


def part(cls: Thing) -> Thing:
    """Marks a class as a public part of methods, and registers it to be saved under our name.

    Args:
        cls: Class with a `get_config`.

    Returns:
        The same.
    """
    return exported(keras.saving.register_keras_serializable(package="keras_sam")(cls))
