"""What random arguments are given to: everything that a user constructs."""

import dataclasses
import inspect
import typing
from collections.abc import Callable
from typing import Any

import keras
from keras import layers

import keras_sam
from keras_sam import ascent, callbacks, datasets, descent, methods, models, policy, schedules
from keras_sam.masks import Mask
from keras_sam.schedules import Rho

MEANINGS = {"mask": Mask, "every": int, "start": int, "ascent_fraction": float}


@dataclasses.dataclass(frozen=True)
class Target:
    """What to call.

    Args:
        name: String.
        call: Function of some of its arguments.
        hints: Dictionary from the names of arguments to their annotations.
    """

    name: str
    call: Callable[..., Any]
    hints: dict[str, Any]


def _network() -> keras.Model:
    return keras.Sequential([keras.Input((4,)), layers.Dense(5), layers.LayerNormalization()])


def _of_signature(name: str, call: Callable, but: tuple = (), **given: Any) -> Target:
    """A target whose arguments are those of a signature."""
    function = call.__init__ if inspect.isclass(call) else call
    hints = typing.get_type_hints(function)
    names = [p.name for p in inspect.signature(call).parameters.values() if p.kind < p.VAR_KEYWORD]
    own = {key: hints[key] for key in names if key in hints and key not in but}
    return Target(name, lambda **arguments: call(**{**given, **arguments}), own)


def _of_method(row: Any) -> Target:
    hints = typing.get_type_hints(row.factory)
    own = {name: hints.get(name, MEANINGS.get(name)) for name in row.options}
    return Target(row.name, lambda **options: methods.get(row.name, **options), own)


def _parts() -> list[Target]:
    """The classes that methods are put together of."""
    found = [getattr(package, name) for package in (ascent, descent) for name in package.__all__]
    kinds = (ascent.Ascent, descent.Descent)
    return [_of_signature(part.__name__, part) for part in found if issubclass(part, kinds)]


def _others() -> list[Target]:
    digits = datasets.digits(num_train=60, num_test=20)
    return [
        Target(
            "SAMModel",
            lambda **given: keras_sam.SAMModel(_network(), **given),
            {
                "rho": Rho | None,
                "method": str,
                "num_batch_splits": int | None,
                "log_sharpness": bool,
                "name": str | None,
            },
        ),
        _of_signature("Method", methods.Method, but=("ascent", "descent", "policy")),
        _of_signature("GradientNormPolicy", policy.GradientNormPolicy),
        _of_signature("FollowLearningRate", schedules.FollowLearningRate, rho_max=1, lr_max=0.1),
        _of_signature("WeightAveraging", callbacks.WeightAveraging, but=("data",)),
        _of_signature("digits", datasets.digits, but=("data_dir",)),
        Target(
            "with_label_noise",
            lambda fraction=0.1, **given: datasets.with_label_noise(digits, fraction, **given),
            {"fraction": float, "seed": int, "kind": str},
        ),
        _of_signature("training_batches", digits.training_batches, but=("augment",), batch_size=8),
        _of_signature("convnet", models.convnet, input_shape=(8, 8, 1), num_classes=3),
    ]


# Methods with their many options count three times.
_METHODS = [_of_method(row) for row in methods.list(detail=True)]
TARGETS = [
    target
    for target in (*_METHODS, *_METHODS, *_METHODS, *_parts(), *_others(), *_others())
    if target.hints
]
