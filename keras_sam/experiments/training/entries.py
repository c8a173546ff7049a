"""Which methods to train, and with which arguments, from what the command line says."""

import ast
import dataclasses
import math
import re
from collections.abc import Sequence
from typing import Any

from keras_sam import methods
from keras_sam.checks import shortened
from keras_sam.experiments.flags.checking import check_known, rho_after_colon

PLAIN = "sgd"  # Training without any sharpness-aware method, whatever the optimizer.
WORDS = {"true": True, "false": False, "inf": math.inf}  # As a command line has them.
# Every name of the registry that the command does not list itself; but those for LoRA.
ALL = "all"


@dataclasses.dataclass(frozen=True)
class Entry:
    """One method of a comparison.

    Args:
        method: Name from the registry, or `"sgd"`.
        own_rho: The radius after the colon, as in `sam:0.5`; `None` without one.
        arguments: Dictionary of the method's arguments.
        rho: The radius that the method ends up with; `None` for `"sgd"`.
        updates_itself: Whether the optimizer must not add its momentum to the method's own.
        own_arguments: Dictionary of those after a colon, as in `friendly:0.5:sigma=1.0`. Defaults
            to none.
    """

    method: str
    own_rho: float | None
    arguments: dict[str, Any]
    rho: float | None
    updates_itself: bool = False
    own_arguments: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def folder(self) -> str:
        """Name of the folder of the method's runs."""
        rho = {} if self.own_rho is None else {"rho": self.own_rho}
        words = [f"{key}_{_text(value)}" for key, value in (rho | self.own_arguments).items()]
        return re.sub(r"[^\w.+-]", "-", "_".join([self.method, *words]))

    @property
    def label(self) -> str:
        """Name in tables and figures."""
        rho = {} if self.rho is None else {"rho": self.rho}
        words = [f"{key} {_text(value)}" for key, value in (rho | self.own_arguments).items()]
        return ", ".join([self.method, *words])


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def named(options: dict[str, Any]) -> set[str]:
    """The methods that the command names itself, rather than with `"all"`."""
    texts = options["compare"] or [options["method"]]
    return {text.strip().partition(":")[0] for text in texts} - {ALL}


def entries(options: dict[str, Any]) -> list[Entry]:
    """The methods to train, in the order of the table.

    Raises:
        ValueError: If a method or one of its arguments is unknown, or a method comes twice.
    """
    texts = [text.strip() for text in options["compare"]]
    names = _expanded(texts, named(options)) or [options["method"]]
    found = [_entry(name, options, alone=len(names) == 1) for name in names]
    labels = [entry.label for entry in found]
    if len(set(labels)) < len(labels):
        raise ValueError(
            f"Each method can be compared once: leave out the repetition or give it another rho, "
            f"as in sam:0.5. Received: --compare={','.join(names)}"
        )
    return found


def _expanded(texts: list[str], listed: set[str]) -> list[str]:
    """The methods to compare, `"all"` replaced in its place by what is not listed beside it."""
    if ALL not in texts:
        return texts
    rest = [name for name in methods.list() if name not in listed and not _is_for_lora(name)]
    return [name for text in texts for name in (rest if text == ALL else [text])]


def _is_for_lora(name: str) -> bool:
    return methods.get(name).ascent.needs_adapters


def _entry(text: str, options: dict[str, Any], alone: bool) -> Entry:
    name, _, own = text.partition(":")
    check_known("method", name, [PLAIN, *methods.list()])
    own_rho, own_arguments = _after_colon(text, own)
    given = {key: options[key] for key in ("rho", "p") if options[key] is not None}
    given |= _arguments(options["method_arguments"], name) | own_arguments
    if own_rho is not None:
        given["rho"] = own_rho
    if name != PLAIN:
        if _is_for_lora(name):
            raise ValueError(
                f"The method {name!r} is for LoRA, which no network of the apps has: train a "
                f"keras_sam.SAMModel with it. Received: {name}"
            )
        method = methods.get(name, **given)
        if "rho" not in given and "rho_share" in options and isinstance(method.rho, float):
            given["rho"] = options["rho_share"] * method.rho
            method = methods.get(name, **given)
        own_update = method.descent.needs_plain_sgd
        rho = method.rho if isinstance(method.rho, float) else None  # Else it is a schedule.
        return Entry(name, own_rho, given, rho, own_update, own_arguments)
    # Beside other methods, plain training leaves their arguments to them.
    own_ones = own_arguments | ({} if own_rho is None else {"rho": own_rho})
    useless = own_ones or (given if alone else {})
    if useless:
        raise ValueError(
            f"{PLAIN} is training without sharpness-aware minimization and takes no arguments. "
            f"Received: {', '.join(f'{key}={value}' for key, value in useless.items())}"
        )
    return Entry(PLAIN, None, {}, None)


def _after_colon(text: str, own: str) -> tuple[float | None, dict[str, Any]]:
    """The radius of a method's own, if it has one, and its own arguments."""
    parts = own.split(":")
    rho = "" if "=" in parts[0] else parts.pop(0)
    try:
        arguments = dict(map(_assignment, parts))
    except ValueError:
        raise ValueError(
            "What follows a method's own rho are its own arguments, as in friendly:0.5:sigma=1.0. "
            f"Received: {text}"
        ) from None
    return rho_after_colon(text, rho, "a method", "sam:0.5") if rho else None, arguments


def _arguments(pairs: Sequence[str], method: str) -> dict[str, Any]:
    """The arguments that are for a method: its own, and those that name none."""
    parsed = {}
    for name, value in assignments("method_arguments", pairs).items():
        owner, _, key = name.rpartition(".")
        if owner:
            check_known("method_arguments", owner, methods.list())
        if owner in ("", method):
            parsed[key] = value
    return parsed


def assignments(flag: str, pairs: Sequence[str]) -> dict[str, Any]:
    """What a list of name=value on the command line says.

    Raises:
        ValueError: If there is no name or no value.
    """
    try:
        return dict(map(_assignment, pairs))
    except ValueError:
        raise ValueError(
            f"{flag} must be name=value, separated by commas, as in steps=3,projection=True. "
            f"Received: --{flag}={shortened(','.join(pairs))}"
        ) from None


def _assignment(pair: str) -> tuple[str, Any]:
    name, equals, value = pair.partition("=")
    if not equals or not name.strip():
        raise ValueError(pair)
    return name.strip(), _value(value.strip())


def _value(text: str) -> Any:
    if text.lower() in WORDS:
        return WORDS[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return text  # A word such as "filter", or what no option takes.
