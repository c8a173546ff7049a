"""The verdict on ways to a radius, with its tables and its figure."""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import style
from matplotlib.figure import Figure
from scipy import optimize

from keras_sam.experiments.results.statistics import MEANING, Estimate, estimate, paired_difference
from keras_sam.experiments.results.table import aligned, spread
from keras_sam.figures import literal

PLAIN, TUNED = "sgd", "sam, tuned"
ENOUGH = 0.8  # Of tuned SAM's gain over plain training.


@dataclasses.dataclass(frozen=True)
class Way:
    """What a way to a radius came to on a task.

    Args:
        rho: Float, the radius it chose; `None` where it chooses none.
        accuracies: Dictionary from each seed to the test accuracy in percent.
        price: Float, what the choice took, in trainings of SAM. Defaults to `0.0`.
    """

    rho: float | None
    accuracies: Mapping[int, float]
    price: float = 0.0


Results = dict[str, dict[str, Way]]  # Of each task, of each way.


def gains(way: Way, plain: Way) -> dict[int, float]:
    """By how much a way is above plain training, seed by seed."""
    return {seed: value - plain.accuracies[seed] for seed, value in way.accuracies.items()}


def least_share(gain: Mapping[int, float], tuned: Mapping[int, float]) -> float | None:
    """The largest share of tuned SAM's gain that a way surely keeps (Fieller's lower limit).

    It is the share at which the lower end of the paired interval of `gain - share * tuned` is 0.

    Args:
        gain: Dictionary from each seed to a way's gain over plain training.
        tuned: Dictionary from each seed to tuned SAM's.

    Returns:
        Float; `None` where tuned SAM's own gain may be 0, so that there is nothing to keep.
    """

    def lower_end(share):
        return _lower(estimate(gain[seed] - share * tuned[seed] for seed in gain))

    if _lower(estimate(tuned.values())) <= 0:
        return None
    bound = 1.0
    while lower_end(bound) > 0 or lower_end(-bound) < 0:
        bound *= 2
    return float(optimize.brentq(lower_end, -bound, bound))


def _lower(found: Estimate | None) -> float:
    assert found is not None and found.half_width is not None, "A share needs two seeds."
    return found.mean - found.half_width


def keeps(task: dict[str, Way], name: str) -> bool:
    """Whether a way surely keeps enough of tuned SAM's gain on a task."""
    least = least_share(*(gains(task[one], task[PLAIN]) for one in (name, TUNED)))
    return least is not None and least >= ENOUGH


def verdict(results: Results) -> list[str]:
    """The ways that keep enough on every task.

    Args:
        results: Dictionary from each task to a dictionary from each way to its `Way`.

    Returns:
        List of their names.
    """
    names = dict.fromkeys(name for task in results.values() for name in task)
    return [
        name
        for name in names
        if name not in (PLAIN, TUNED)
        and all(name in task and keeps(task, name) for task in results.values())
    ]


def text(results: Results, titles: Mapping[str, str]) -> str:
    """The tables and the verdict.

    Args:
        results: As of `verdict`, of the tasks with plain training and tuned SAM.
        titles: Dictionary from each task to what stands above its table.
    """
    # What ± is, once below all tables.
    tables = {task: _table(ways).removesuffix(f"\n\n{MEANING}") for task, ways in results.items()}
    parts = [*(f"{titles[task]}\n\n{table}" for task, table in tables.items()), MEANING]
    passed = verdict(results)
    enough = (
        f"surely at least {ENOUGH:.0%} of tuned SAM's gain over sgd on all {len(results)} tasks"
    )
    parts.append(f"Keeps {enough}: {', '.join(passed) or 'no way'}.")
    return "\n\n".join(parts)


def _table(ways: dict[str, Way]) -> str:
    plain, rows = ways[PLAIN], {}
    tuned = gains(ways[TUNED], plain)
    for name, way in ways.items():
        gain = gains(way, plain)
        above = paired_difference(way.accuracies, plain.accuracies)
        assert above is not None, "The seeds are the same."
        cells = [above.text(1, True), _share(gain, tuned), _least(gain, tuned)]
        cells += ["yes" if keeps(ways, name) else "no"]
        rows[name] = [
            "-" if way.rho is None else f"{way.rho:g}",
            spread(way.accuracies.values(), 1),
            *([""] * 4 if name == PLAIN else cells),
            f"{way.price:.1f}" if way.price else "0",
        ]
    titles = ["rho", "test accuracy, %", "above sgd", "kept, %", "surely", "enough", "trainings"]
    columns = dict(zip(titles, map(list, zip(*rows.values())), strict=True))
    return aligned({"way": [*rows], **columns})


def _share(gain: Mapping[int, float], tuned: Mapping[int, float]) -> str:
    if least_share(tuned, tuned) is None:
        return "-"
    return f"{100 * np.mean([*gain.values()]) / np.mean([*tuned.values()]):.0f}"


def _least(gain: Mapping[int, float], tuned: Mapping[int, float]) -> str:
    least = least_share(gain, tuned)
    return "-" if least is None else f"{math.floor(100 * least)}"


def draw(results: Results, titles: Mapping[str, str], path: Path) -> None:
    """Draws each way's gain with its interval, a panel for each task.

    Args:
        results: As of `text`.
        titles: Dictionary from each task to its panel's title.
        path: Path of the PNG to write.
    """
    names = [*dict.fromkeys(name for task in results.values() for name in task if name != PLAIN)]
    with style.context("keras_sam.figures"):
        figure = Figure(figsize=(1.5 + 2.5 * len(results), 3.2))
        panels = figure.subplots(1, len(results), sharey=True, squeeze=False)[0]
        for axes, (task, ways) in zip(panels, results.items(), strict=True):
            _panel(axes, ways, names)
            axes.set_title(titles[task])
        panels[0].set_yticks(range(len(names)), names)
        panels[0].invert_yaxis()
        figure.supxlabel(
            f"points of test accuracy above sgd; dashed: {ENOUGH:.0%} of tuned SAM's",
            fontsize="medium",
        )
        literal(figure).savefig(path)


def _panel(axes: Any, ways: dict[str, Way], names: list[str]) -> None:
    for place, name in enumerate(names):
        if name not in ways:
            continue
        gain = estimate(gains(ways[name], ways[PLAIN]).values())
        assert gain is not None, "There are seeds."
        colour = "C1" if name == TUNED else "C0"
        axes.errorbar(gain.mean, place, xerr=gain.half_width, color=colour, marker="o", capsize=3)
    whole = estimate(gains(ways[TUNED], ways[PLAIN]).values())
    assert whole is not None, "There are seeds."
    axes.axvline(ENOUGH * whole.mean, color="0.4", linestyle="--", linewidth=1, marker="")
    axes.axvline(0, color="0.4", linewidth=0.8, linestyle="-", marker="")
