"""One batch that is not finite, or has a spike, amid clean ones: what it leaves behind."""

import functools
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from attacks.children import Ended, streamed
from attacks.log import FAILED, REFUSED, SURVIVED, Result
from attacks.scenarios import LEARNING_RATE, Scenario, drawn
from attacks.training import Training

AFTER = 50  # Clean steps, after which nothing may be broken any more.
ACTING = 6 * AFTER  # On how many of these a policy acts.
PATIENCE = 900.0  # Seconds: a policy makes hundreds of steps, on a machine that may be busy.
TOLERANCE = 0.1  # Share of them by which it may do so more or less often than without.
FACTORS = (1.0, 2.0, -3.0)  # Of the labels of ordinary batches in the place of the faulty one.


class Cases:
    """Faulty batches.

    Args:
        folder: Path, of which no use is made.
        seed: Integer.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.seed = seed

    def run(self, numbers: Iterable[int]) -> Iterator[tuple[int, Result]]:
        """Yields pairs of a case's number and its `Result`."""
        for number, ended in streamed(self._case, numbers, PATIENCE):
            yield number, self._result(number, ended)

    def _result(self, number: int, ended: Ended) -> Result:
        if ended.value is not None:
            return Result(**ended.value)
        return Result(FAILED, str(self._scenario(number)), "crashes", ended.trouble)

    def _scenario(self, number: int) -> Scenario:
        return drawn(np.random.default_rng([self.seed, 2, number]))

    def _case(self, number: int) -> dict[str, Any]:
        scenario = self._scenario(number)
        keras.utils.clear_session(free_memory=False)
        outcome, (reason, detail) = SURVIVED, ("", "")
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            try:
                reason, detail = _broken(scenario)
            except ValueError as error:
                if "Received: " not in str(error):
                    raise
                outcome, reason, detail = REFUSED, "parts that do not fit", str(error)[:300]
        if reason and outcome == SURVIVED:
            # What plain Keras would not do either is at least said aloud.
            is_said = scenario.guard == "none" and any("finite" in str(w.message) for w in warned)
            outcome = SURVIVED if is_said else FAILED
            detail += ", with a warning" if is_said else ""
        return vars(Result(outcome, str(scenario), reason, detail))


def _broken(scenario: Scenario) -> tuple[str, str]:
    """What is wrong after the faulty batch or the clean ones, in a word and in words."""
    training = Training(scenario)
    training.clean(4)
    before = training.values()
    scale = training.scale()
    training.faulty()
    after = training.values()
    if training.guarded(scale):
        moved = [name for name in before if not _same(before[name], after[name])]
        if moved:
            return "a guarded step changes something", ", ".join(moved)
    elif scenario.guard == "skip" and not _finite(after, ""):
        return "a step that is not finite is made", ""
    elif trouble := _beyond_plain(scenario, before, after):
        return trouble
    if not _finite(after, "weight"):
        return "", ""  # As plain Keras.
    training.mend()
    return _lasting(scenario, training)


def _beyond_plain(scenario, before, after):
    """What an unguarded step does that plain Keras would not."""
    wrong = [name for name, value in after.items() if not np.isfinite(value).all()]
    if wrong and _plain(scenario.plain())[0]:
        kinds = sorted({name.split(" ")[0] for name in wrong})
        return f"not finite, where plain Keras is: {', '.join(kinds)}", ", ".join(wrong)
    if wrong or not scenario.longest or scenario.displaces:
        return None
    # The optimizer clips: what moves further was not moved by it.
    names = [name for name in before if name.startswith("weight")]
    step = max(np.abs(after[name] - before[name]).max() for name in names)
    if step > LEARNING_RATE * scenario.longest * scenario.executed * 1.01 + 1e-6:
        return "a perturbed weight is left behind", f"a weight moves by {step:.3g}"
    return None


@functools.lru_cache(200)  # Scenarios of several methods share it.
def _plain(scenario: Scenario) -> tuple[bool, bool]:
    """Whether plain Keras is finite after the faulty batch, and after the clean ones."""
    training = Training(scenario)
    training.clean(4)
    training.faulty()
    at_once = _finite(training.values(), "")
    training.mend()
    training.clean(AFTER)
    return at_once, _finite(training.values(), "")


def _lasting(scenario: Scenario, training: Training) -> tuple[str, str]:
    """What is still broken after the clean steps that follow."""
    training.clean(AFTER)
    values = training.values()
    wrong = [name for name, value in values.items() if not np.isfinite(value).all()]
    if wrong and _plain(scenario.plain())[1]:
        kinds = sorted({name.split(" ")[0] for name in wrong})
        return f"still broken after {AFTER} clean steps: {', '.join(kinds)}", ", ".join(wrong)
    # Where plain Keras is lost for good, a policy has nothing left to act on.
    if wrong or not scenario.by_policy or not _plain(scenario.plain())[1]:
        return "", ""
    acted = training.clean(ACTING)
    # Which other batch it was makes a difference, too.
    usual = sorted(_usual(scenario, factor) for factor in FACTORS)
    slack = TOLERANCE * ACTING
    if not usual[0] - slack <= acted <= usual[-1] + slack:
        return "acts otherwise than before", f"on {acted} of {ACTING} steps instead of {usual}"
    return "", ""


def _usual(scenario: Scenario, factor: float) -> int:
    """On how many of the same steps a training acts that had an ordinary batch in that place."""
    training = Training(scenario)
    training.clean(4)
    training.ordinary(factor)
    training.clean(AFTER)
    return training.clean(ACTING)


def _finite(values: dict[str, np.ndarray], kind: str) -> bool:
    return all(np.isfinite(v).all() for name, v in values.items() if name.startswith(kind))


def _same(left: np.ndarray, right: np.ndarray) -> bool:
    return np.array_equal(left, right, equal_nan=True)
