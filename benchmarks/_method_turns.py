"""Turns of all methods in one run, each related to the plain turns before and after it."""

import textwrap
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from _cases import Data
from _method_cases import PLAIN, Case, Turn, build
from _timing import spread

LEAST_ROUNDS = 2


def measure(
    chosen: list[Case], data: Data, setting: dict[str, Any], say: Callable[[str], None]
) -> tuple[dict[str, Any], int]:
    """Builds all cases and lets them take turns.

    Args:
        chosen: List of `Case`, without the plain one.
        data: `(images, labels)` of a step more than the longest turn has.
        setting: Dictionary with `model`, `batch_size`, `blocks` (rounds) and `max_seconds`.
        say: Function of a line of progress.

    Returns:
        `(cases, rounds)`: a dictionary from a label to what was measured, or to its `error`, and
        the number of rounds there was time for.
    """
    started = time.perf_counter()
    plain, ready, failed = _built([Case(PLAIN), *chosen], data, setting, say)
    ratios: dict[str, list] = {case.label: [] for case, _ in ready}
    rounds, seconds = 0, 0.0
    while rounds < setting["blocks"]:
        spent = time.perf_counter() - started
        if rounds >= LEAST_ROUNDS and spent + seconds > setting["max_seconds"]:
            break
        say(f"round {rounds + 1} of {setting['blocks']}, after {spent:.0f} s")
        _round(ready, plain, ratios, rounds)
        seconds = time.perf_counter() - started - spent
        rounds += 1
    measured = {case.label: _summary(case, ratios[case.label]) for case, _ in ready}
    return {case.label: (measured | failed)[case.label] for case in chosen}, rounds


def _built(
    chosen: list[Case], data: Data, setting: dict[str, Any], say: Callable[[str], None]
) -> tuple[Turn, list[tuple[Case, Turn]], dict[str, Any]]:
    """The plain turn, the turns of the other cases, and the errors of those that have none."""
    ready, failed = [], {}
    for number, case in enumerate(chosen, start=1):
        say(f"building {number} of {len(chosen)}: {case.label}")
        try:
            turn = build(case, setting["model"], setting["batch_size"], data)
            turn()  # Compiles.
            ready.append((case, turn))
        except Exception as error:  # Whatever it is, the other methods are worth measuring.
            if case.method == PLAIN:
                raise
            reason = textwrap.shorten(str(error), 300, placeholder=" …")
            failed[case.label] = {"error": f"{type(error).__name__}: {reason}"}
    (_, plain), *others = ready
    return plain, others, failed


def _round(
    ready: list[tuple[Case, Turn]], plain: Turn, ratios: dict[str, list], number: int
) -> None:
    """A turn of each case between two plain ones; each round starts with another case."""
    first = number % max(len(ready), 1)
    before = np.array(plain())
    for case, turn in ready[first:] + ready[:first]:
        own = np.array(turn())
        after = np.array(plain())
        ratios[case.label].append((*own / ((before + after) / 2), own[0]))
        before = after


def _summary(case: Case, ratios: list) -> dict[str, Any]:
    clock, processors, seconds = np.array(ratios).T
    return {
        "gradients": case.gradients,
        "work": case.work,
        "steps_per_turn": case.steps,
        "seconds_per_step": float(np.median(seconds)),
        "step_ratio": spread(clock),
        "step_cpu_ratio": spread(processors),
    }
