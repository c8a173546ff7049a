"""Names and values of settings: how they compare, in which order they stand, how they read."""

import json
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any

FIRST_KEYS = (
    *("method", "rho", "num_batch_splits", "method_arguments", "epochs"),
    *("label_noise", "batch_size", "normalization"),
)
NAMES = {"num_batch_splits": "batch splits", "method_arguments": "arguments"}


def identity(settings: dict, keys: Iterable[str]) -> str:
    """What settings hold for some keys, as a string that can be compared.

    Args:
        settings: Dictionary that JSON can hold.
        keys: Iterable of strings.

    Returns:
        String.
    """
    return json.dumps({key: settings[key] for key in keys if key in settings}, sort_keys=True)


def ordered(keys: Iterable[str]) -> list[str]:
    """Settings in the order of their columns: those that a reader looks for come first.

    Args:
        keys: Iterable of strings.

    Returns:
        List of strings.
    """
    keys = set(keys)
    return [key for key in FIRST_KEYS if key in keys] + sorted(keys - set(FIRST_KEYS))


def is_empty(value: object) -> bool:
    """Whether a value of the settings means that there is none."""
    return value is None or value in ("", [], {})


def name_of(key: str) -> str:
    """What a key is called on the page."""
    return NAMES.get(key, key.replace("_", " "))


def value_text(key: str, value: Any) -> str:
    """What a value of the settings looks like on the page."""
    if is_empty(value):
        return "-"
    if key == "label_noise":
        return f"{100 * value:g} %"
    if isinstance(value, dict):
        return ", ".join(f"{k}={value_text(k, value[k])}" for k in sorted(value))
    if isinstance(value, list):
        return " + ".join(map(str, value))
    if isinstance(value, str) and "/" in value:
        return PurePath(value).name
    return f"{value:g}" if isinstance(value, float) else str(value)


def phrase(key: str, value: object) -> str:
    """A setting as a part of a label, as in `rho 0.05`."""
    text = value_text(key, value)
    return text if key in ("method", "method_arguments") else f"{name_of(key)} {text}"


def title_of(settings: dict) -> str:
    """The title of runs that share some settings: which network on which data."""
    title = f"{settings.get('model', 'network')} on {settings.get('dataset', 'data')}"
    augment = value_text("augment", settings.get("augment"))
    if augment not in ("-", "none"):
        title += f", {augment} augmentation"
    if settings.get("num_train"):
        title += f", {settings['num_train']} training images"
    return title + (", tested on held-out training images" if settings.get("holdout") else "")
