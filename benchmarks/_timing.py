"""Turns of all cases in one run, and their ratios turn by turn: what slows a turn slows all."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from _probing import timed

OURS = ("plain", "sam", "every=5", "multistep=5")


def take_turns(
    cases: Mapping[str, Callable[[int], object]], blocks: int, steps: int
) -> dict[str, np.ndarray]:
    """Trains each case for some steps in turn, again and again.

    Args:
        cases: Dictionary from a name to a function that trains for a number of steps.
        blocks: Integer, turns of each case.
        steps: Integer, steps a turn.

    Returns:
        Dictionary from the name to an array (blocks, 2): seconds by the clock and of the
        processors.
    """
    for train in cases.values():
        train(steps)
    turns: dict[str, list] = {name: [] for name in cases}
    names = list(cases)
    for block in range(blocks):
        for position in range(len(names)):
            # Each turn starts with another case, so that none always follows the same one.
            name = names[(block + position) % len(names)]
            turns[name].append(timed(cases[name], steps))
    return {name: np.array(seconds) for name, seconds in turns.items()}


def relate(
    turns: dict[str, np.ndarray], images: int, probes: dict[str, list[dict[str, float]]]
) -> dict[str, Any]:
    """Speeds and ratios.

    Args:
        turns: What `take_turns` returns. A peer's name is `"<peer> plain"` or `"<peer> sam"`.
        images: Integer, images a turn.
        probes: Dictionary from the name of a Keras case to a list of what `_probing.probe`
            returns.

    Returns:
        Dictionary `{"cases": …, "peers": …}`, as `_report` reads them.
    """
    cases = {name: _case(turns, name, images) for name in turns}
    for name in probes:
        cases[name].update(_first_call(probes, name))
    peers = {}
    for name in turns:
        if name not in OURS:
            ours = name.split()[-1]
            if ours not in turns:
                continue
            ratio = spread(turns[name][:, 0] / turns[ours][:, 0])
            peers[f"{ours}: keras_sam over {name}"] = ratio
    return {"cases": cases, "peers": peers}


def _case(turns: dict[str, Any], name: str, images: int) -> dict[str, Any]:
    """Speed of a case, and its step over the plain step of the same implementation."""
    plain = "plain" if name in OURS else f"{name.rsplit(' ', 1)[0]} plain"
    ratios = turns[name] / turns[plain]
    return {
        "images_per_second": float(images / np.median(turns[name][:, 0])),
        "step_ratio": spread(ratios[:, 0]),
        "step_cpu_ratio": spread(ratios[:, 1]),
    }


def _first_call(probes: dict[str, Any], name: str) -> dict[str, Any]:
    values = {key: [probe[key] for probe in probes[name]] for key in probes[name][0]}
    compiling = {who: _compilation(probes[who]) for who in (name, "plain")}
    return {
        "first_call": float(np.median(values["first_call"])),
        "compile": float(np.median(compiling[name][:, 0])),
        "compile_ratio": spread(compiling[name][:, 0] / compiling["plain"][:, 0]),
        "compile_cpu_ratio": spread(compiling[name][:, 1] / compiling["plain"][:, 1]),
        "peak_mebibytes": float(np.median(values["peak_mebibytes"])),
    }


def _compilation(probes):
    """First call less a later one, by the clock and of the processors."""
    return np.array(
        [
            (p["first_call"] - p["later_call"], p["first_call_cpu"] - p["later_call_cpu"])
            for p in probes
        ]
    )


def spread(values: np.ndarray) -> dict[str, float]:
    """Median and quartiles."""
    low, median, high = np.percentile(values, (25, 50, 75))
    return {"median": float(median), "low": float(low), "high": float(high)}
