"""Random arguments: either they work, or an error says what was expected and what came."""

import math
import re
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

import keras_sam
from attacks.children import Ended, streamed
from attacks.log import FAILED, REFUSED, SURVIVED, Result
from attacks.targets import TARGETS, Target
from attacks.values import drawn, fits

SHARE_OF_STEPS = 0.1  # Of the accepted methods: building them takes a hundredth of a step's time.
LARGEST = 100  # Of an argument with which a step is tried: with more it is a test of patience.
ENDS_WELL = re.compile(r"Received: .*\S", re.DOTALL)


class Cases:
    """Arguments.

    Args:
        folder: Path, of which no use is made.
        seed: Integer.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.seed = seed

    def run(self, numbers: Iterable[int]) -> Iterator[tuple[int, Result]]:
        """Yields pairs of a case's number and its `Result`."""
        for number, ended in streamed(self._case, numbers):
            yield number, self._result(number, ended)

    def _result(self, number: int, ended: Ended) -> Result:
        if ended.value is not None:
            return Result(**ended.value)
        target, arguments, _ = self._call(number)
        return Result(FAILED, _text(target, arguments), "crashes", ended.trouble)

    def _call(self, number: int) -> tuple[Target, dict[str, Any], np.random.Generator]:
        draw = np.random.default_rng([self.seed, 3, number])
        target = TARGETS[draw.integers(len(TARGETS))]
        names = list(target.hints)
        chosen = draw.permutation(names)[: 1 + draw.integers(3)].tolist()
        return target, {name: drawn(target.hints[name], draw) for name in chosen}, draw

    def _case(self, number: int) -> dict[str, Any]:
        keras.utils.clear_session(free_memory=False)
        keras.utils.set_random_seed(0)
        target, arguments, draw = self._call(number)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outcome, reason, detail = _tried(target, arguments, draw)
        return vars(Result(outcome, _text(target, arguments), reason, detail))


def _text(target: Target, arguments: dict[str, Any]) -> str:
    return f"{target.name}({', '.join(f'{k}={_short(v)}' for k, v in arguments.items())})"


def _short(value: Any) -> str:
    """A value in few letters, without the address of an object."""
    if isinstance(value, int) and not -1e18 < value < 1e18:
        return f"an integer of {value.bit_length()} bits"
    return re.sub(r" at 0x\w+", "", repr(value))[:80]


def _tried(
    target: Target, arguments: dict[str, Any], draw: np.random.Generator
) -> tuple[str, str, str]:
    try:
        made = target.call(**arguments)
        wrong = [name for name in arguments if not fits(arguments[name], target.hints[name])]
        if wrong:
            named = ", ".join(f"{name}={_short(arguments[name])}" for name in wrong)
            kind = type(arguments[wrong[0]]).__name__
            return FAILED, f"accepts {target.name}.{wrong[0]} of type {kind}", named
        if draw.random() < SHARE_OF_STEPS and all(map(_is_moderate, arguments.values())):
            return _stepped(made)
    except (ValueError, TypeError) as error:
        if ENDS_WELL.search(str(error)):
            return REFUSED, type(error).__name__, str(error)[:300]
        return FAILED, f"{type(error).__name__} without Received of {target.name}", str(error)[:300]
    except Exception as error:
        return FAILED, f"{type(error).__name__} of {target.name}", str(error)[:300]
    return SURVIVED, "", ""


def _is_moderate(value: Any) -> bool:
    is_number = isinstance(value, int | float)
    return not is_number or (math.isfinite(value) and abs(value) <= LARGEST)


def _stepped(made: Any) -> tuple[str, str, str]:
    """Trains a model for a step, where a method or a model was made."""
    if isinstance(made, keras_sam.methods.Method):
        made = keras_sam.SAMModel(network(), method=made)
    if not isinstance(made, keras_sam.SAMModel):
        return SURVIVED, "", ""
    made.compile(keras.optimizers.SGD(0.01), "mse")
    x = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
    logs = made.fit(x, x[:, :1], batch_size=8, verbose=0).history
    values = [keras.ops.convert_to_numpy(v) for v in made.base_model.weights]
    if not all(np.isfinite(value).all() for value in (*values, logs["loss"])):
        return FAILED, "a step is not finite", str(logs)
    return SURVIVED, "", ""


def network() -> keras.Model:
    """A small regressor that has every kind of weight."""
    stack = [layers.Dense(5, activation="tanh"), layers.LayerNormalization(), layers.Dense(1)]
    return keras.Sequential([keras.Input((4,)), *stack])
