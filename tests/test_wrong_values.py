"""Every option of every method and part takes values of its annotation, and refuses all others."""

import collections.abc
import inspect
import math
import numbers
import types
import typing

import numpy as np
import pytest

import keras_sam
from keras_sam import ascent, descent, methods, policy, schedules
from keras_sam.methods.method import Method
from keras_sam.methods.registry import ROWS, WHEN_AND_WHERE
from tests.toys import mlp

pytestmark = pytest.mark.once

WRONG = {
    "'false'": "false",
    "'0.05'": "0.05",
    "''": "",
    "None": None,
    "nan": math.nan,
    "inf": math.inf,
    "-inf": -math.inf,
    "-1": -1,
    "1e400": 10**400,
    "1e5000": 10**5000,  # Python refuses to write it out.
    "2**40": 2**40,
    "0.5": 0.5,
    "True": True,
    "[]": [],
    "[1, 'x']": [1, "x"],
    "{}": {},
    "{64: 'x'}": {64: "x"},
    "{1}": {1},
    "object": object(),
    "class": ascent.DualNormAscent,
    "array": np.eye(3),  # Whose text has several lines.
    "scalar array": np.array(1.0),
    "NumPy's bool": np.True_,
    "bytes": b"1",
    "complex": 1j,
}
# What must be there beside the option in question.
NEEDED = {
    "FollowLearningRate": {"rho_max": 0.1, "lr_max": 0.1},
    "WarmUpHoldDecay": {"peak": 0.3, "total_steps": 10},
    "SAMModel": {"model": mlp()},
}
TAKEN_FOR = {"method": "config"}  # A dictionary, so that the error speaks of this.


def subjects():
    """Dict from a name to what takes options: the factories of methods, and what these build on."""
    modules = (ascent, descent, policy, schedules)
    parts = [part for module in modules for part in vars(module).values() if inspect.isclass(part)]
    own = {part for part in parts if hasattr(part, "get_config") and takes_options(part)}
    own |= {Method, keras_sam.SAMModel}
    factories = {name: row.factory for name, row in ROWS.items()}
    return factories | {part.__name__: part for part in sorted(own, key=lambda part: part.__name__)}


def takes_options(part):
    is_ours = part.__module__.startswith("keras_sam.")
    return is_ours and part.__init__ is not object.__init__


def options(subject):
    """Dict from the name of an option to its annotation."""
    hints = typing.get_type_hints(subject.__init__ if inspect.isclass(subject) else subject)
    if "when_and_where" in hints:
        shared = typing.get_type_hints(Method.__init__)
        row = next(row for row in ROWS.values() if row.factory is subject)
        hints |= {name: shared[name] for name in WHEN_AND_WHERE if name in row.options}
    return {name: hint for name, hint in hints.items() if name not in ("return", "when_and_where")}


def fits(value, kind):
    """Whether a value is of an annotation; `float` is any finite number, `int` one of 32 bits."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, one) for one in inner)
    if kind in (int, float):
        abstract = numbers.Integral if kind is int else numbers.Real
        largest = 2**31 - 1 if kind is int else 1e300
        return isinstance(value, abstract) and not isinstance(value, bool) and abs(value) <= largest
    if origin is dict:
        key, content = inner
        return isinstance(value, dict) and all(
            fits(k, key) and fits(v, content) for k, v in value.items()
        )
    if origin in (collections.abc.Sequence, tuple):
        return isinstance(value, list | tuple) and all(fits(one, inner[0]) for one in value)
    return isinstance(value, origin or kind)


def is_accepted(value, option, kind):
    """What may be accepted, as far as the annotation tells; the order of a norm may be infinite."""
    return fits(value, kind) or (option == "p" and value == math.inf)


@pytest.mark.parametrize("name", subjects())
def test_wrong_value_of_an_option_is_refused_in_one_line(name):
    subject = subjects()[name]
    for option, kind in options(subject).items():
        for label, value in WRONG.items():
            try:
                subject(**{**NEEDED.get(name, {}), option: value})
            except (ValueError, TypeError) as error:
                before, _, after = str(error).rpartition("Received: ")
                is_named = option in after or TAKEN_FOR.get(option, option) in after
                assert before and is_named, (option, label, str(error))
                assert "\n" not in str(error) and len(after) < 500, (option, label)
            else:
                assert is_accepted(value, option, kind), (option, label)


@pytest.mark.parametrize("name", methods.list())
def test_default_and_both_booleans_are_accepted(name):
    factory, own = ROWS[name].factory, ROWS[name].own_options
    for option, kind in options(factory).items():
        values = (True, False) if kind is bool else (own[option],) if option in own else ()
        for value in values:
            assert factory(**{option: value}).name == name
