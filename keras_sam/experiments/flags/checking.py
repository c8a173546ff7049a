"""Checks of flags with absl's validators, and the one line that answers a mistake."""

import itertools
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from absl import flags

# The module alone: it needs no backend.
from keras_sam.checks import ABOVE_INTEGERS, nearest, shortened, shown

FLAGFILE = "--flagfile must be a text file with a flag on each line."

LARGEST_SEED = 2**32 - 1  # That NumPy's and so Keras's generators take.


def check_known(flag: str, value: str, choices: Collection[str]) -> None:
    """Refuses a value that a flag does not have, and names the nearest ones.

    Raises:
        ValueError: If the value is not among the choices.
    """
    if value not in choices:
        raise ValueError(f"Unknown {flag}: {nearest(value, choices)} Received: --{flag}={value}")


def whole_numbers(name: str, texts: list[str]) -> list[int]:
    """What a flag of seeds says.

    Raises:
        ValueError: If one is not an integer from 0 to `LARGEST_SEED`, or comes twice.
    """
    texts = [text.strip() for text in texts]
    are_whole = all(text.isdecimal() and len(text) < 20 for text in texts)
    numbers = [int(text) for text in texts] if are_whole else []
    if not numbers or max(numbers) > LARGEST_SEED or len(set(numbers)) < len(numbers):
        raise ValueError(
            f"{name} must be different integers from 0 to {LARGEST_SEED}, separated by commas, as "
            f"in 0,1,2. Received: {name}={','.join(texts)}"
        )
    return numbers


def rho_after_colon(text: str, rho: str, kind: str, example: str) -> float:
    """The radius behind a name, as in sam:0.5.

    Args:
        text: String, name and radius.
        rho: String, what follows the colon.
        kind: String, what the name is of.
        example: String, how it is right.

    Raises:
        ValueError: If it is no number.
    """
    try:
        return float(rho)
    except ValueError:
        raise ValueError(
            f"What follows {kind}'s colon is its rho, as in {example}. Received: {text}"
        ) from None


def rising_shares(name: str, texts: list[str]) -> list[float]:
    """What a flag of places in a training says.

    Raises:
        ValueError: If they are not numbers between 0 and 1, each above the one before.
    """
    try:
        shares = [float(text) for text in texts]
    except ValueError:
        shares = []
    ends = [0.0, *shares, 1.0]
    if not shares or not all(low < high for low, high in itertools.pairwise(ends)):
        raise ValueError(
            f"{name} must be rising numbers between 0 and 1, separated by commas, as in "
            f"0.3,0.6,0.8. Received: {name}={','.join(texts)}"
        )
    return shares


def checked(values: flags.FlagValues, check: Callable[[str, Any], Any], *names: str) -> None:
    """Has absl check flags wherever they have a value.

    The check raises a `ValueError`, which reaches the user as it is. What absl makes of its own
    `ValidationError` would name the flag a second time.

    Args:
        values: The app's `absl.flags.FlagValues`.
        check: Function of a flag, with its dashes, and its value, as those of `keras_sam.checks`.
        *names: The flags' names.
    """

    def validator(name: str, value: Any) -> bool:
        if value is not None:
            check(f"--{name}", value)
        return True

    for name in names:
        flags.register_validator(name, partial(validator, name), flag_values=values)


def excluded(
    values: flags.FlagValues, names: tuple[str, ...], is_wrong: Callable[..., Any], how: str
) -> None:
    """Has absl refuse values that do not go together.

    Args:
        values: The app's `absl.flags.FlagValues`.
        names: Tuple of strings, the names of the flags.
        is_wrong: Function of the flags' values, in the order of the names.
        how: String, what the user can do.
    """

    def validator(given: dict[str, Any]) -> bool:
        if is_wrong(*(given[name] for name in names)):
            raise ValueError(f"{how} Received: {' '.join(map(as_argument, names, given.values()))}")
        return True

    flags.register_multi_flags_validator(names, validator, flag_values=values)


def check_sane(values: flags.FlagValues) -> None:
    """Refuses numbers to which nothing counts, and texts that no file's name can hold.

    Raises:
        ValueError: If a flag has such a value, whichever flag it is.
    """
    for name, value in values.flag_values_dict().items():
        if isinstance(value, int) and abs(value) >= ABOVE_INTEGERS:
            raise ValueError(
                f"--{name} must be an integer below {ABOVE_INTEGERS}. "
                f"Received: --{name}={shown(value)}"
            )
        if any("\0" in str(text) for text in (value if isinstance(value, list) else [value])):
            raise ValueError(
                f"--{name} must be text without the character of code 0. "
                f"Received: --{name}={shown(value)}"
            )


def as_argument(name: str, value: Any) -> str:
    """A flag and its value as the command line has them."""
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no{name}"
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else value
    return f"--{name}={text}"


def explained(error: Exception, values: flags.FlagValues) -> str:
    """What a user hears of a value that absl refuses: what was expected, and what came."""
    if isinstance(error, flags.CantOpenFlagFileError) or "flagfile with no" in str(error):
        return f"{FLAGFILE} Received: {str(error).removeprefix('ERROR:: ')}"
    if not isinstance(error, flags.IllegalFlagValueError):
        return str(error)
    received = str(error).removeprefix("flag ").removesuffix(f": {error.__context__}")
    name, _, value = received.removeprefix("--").partition("=")
    received = shortened(received)
    parser = values[name].parser
    if isinstance(parser, flags.EnumParser):
        return f"Unknown {name}: {nearest(value, parser.enum_values)} Received: {received}"
    expected = parser.syntactic_help or "true or false"
    return f"--{name} must be {expected}. Received: {received}"
