"""The text and the figure of the methods that were tuned alike."""

import dataclasses
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.style

from keras_sam.experiments.results import cost
from keras_sam.experiments.results.outcomes import Outcome
from keras_sam.experiments.results.runs import FINISHED, Run
from keras_sam.experiments.results.statistics import Estimate
from keras_sam.experiments.results.table import aligned
from keras_sam.experiments.tables import tuned
from keras_sam.figures import literal
from keras_sam.methods.recommendation import PLAIN, Tuned, front

TITLE = "Every method, tuned alike, on digits with 40 % wrong labels"
COMMAND = "python apps/reproduce.py --table=methods --workdir=runs/methods --resume"
HEAD = """\
KERAS_BACKEND=jax {command}
KERAS_BACKEND=jax python benchmarks/tuned_methods.py --workdir=runs/methods

convnet on digits, 40 % of the training labels wrong, 60 epochs, jax. Each method's settings are the
best of eight on a fifth of the training images, held out, with clean labels and one seed;
accuracies are on the test images, over five other seeds. Plain training chose its rate among eight;
the others have {rate:g}, with which plain training learns the wrong labels.
{partial}
"""
TAIL = """
step ÷ sgd: processor time with one thread, in turns with plain training.
above sgd: difference on the same seeds to plain training of 60 epochs.
at equal time: the same, to that of {lengths} epochs which comes nearest to the time.
front: no cheaper method is as accurate.
Plain training, its rate chosen for each length: {plain}.
Left out: {left_out}.
"""


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Priced(Outcome):
    """An outcome whose step was measured apart from its trainings.

    Args:
        price: Float, over the step of plain training.
    """

    price: float

    @property
    def step_time(self) -> float | None:
        """The price."""
        return self.price


def text(rows: list[Tuned], lengths: Sequence[Any], missing: list[str], diverged: list[str]) -> str:
    """The table, with how it was made.

    Args:
        rows: List of `Tuned`.
        lengths: What plain training of each length came to, with `epochs` and `settings`.
        missing: List of the names of the cells that are not done.
        diverged: List of the names of those with final runs that diverged, and how many.
    """
    best = front(rows)
    columns = {
        "method": [row.method for row in rows],
        "chosen": [shown(row.settings) for row in rows],
        "step ÷ sgd": [f"{row.price:.2f}" for row in rows],
        "test accuracy, %": [_spread(row.accuracy, row.margin) for row in rows],
        "above sgd": [
            "" if row.method == PLAIN else _gain(row.gain, row.gain_margin) for row in rows
        ],
        "at equal time": [
            "" if row.method == PLAIN else _gain(row.equal_time_gain, row.equal_time_margin)
            for row in rows
        ],
        "note": ["front" if row in best else _below(row) for row in rows],
    }
    plain = "; ".join(
        f"{one.epochs} epochs at {one.settings['learning_rate']:g}: "
        f"{sum(one.accuracies) / len(one.accuracies):.1f} %"
        for one in lengths
    )
    left = textwrap.fill(f"Not done yet: {', '.join(missing)}.", 100, break_on_hyphens=False)
    partial = f"\n{left}\n" if missing else ""
    head = HEAD.format(command=COMMAND, rate=tuned.FLAGS["learning_rate"], partial=partial)
    reasons = [f"{name} ({reason})" for name, reason in tuned.LEFT_OUT.items()]
    left_out = ", ".join(reasons + diverged)
    counted = ", ".join(str(one.epochs) for one in lengths)
    return head + aligned(columns) + TAIL.format(lengths=counted, plain=plain, left_out=left_out)


def shown(settings: dict[str, Any]) -> str:
    """Settings as `name=value, name=value`."""
    return ", ".join(f"{name}={value}" for name, value in settings.items())


def _spread(mean: float, margin: float) -> str:
    return Estimate(mean, margin, 0).text(1)


def _gain(mean: float, margin: float) -> str:
    return Estimate(mean, margin, 0).text(1, signed=True)


def _below(row: Tuned) -> str:
    if row.method == PLAIN or row.gain > row.gain_margin:
        return ""
    return "below sgd" if row.gain < -row.gain_margin else "as sgd"


def draw(rows: list[Tuned], found: Sequence[Any], path: Path) -> None:
    """Draws accuracy over price, and the front as a line.

    Args:
        rows: List of `Tuned`.
        found: What the methods came to, with `method` and `accuracies`; of plain training the
            first one counts.
        path: Path of the PNG to write.
    """
    accuracies = {one.method: one.accuracies for one in reversed(found)}
    priced = [
        Priced(label=row.method, gradients="", runs=_runs(accuracies[row.method]), price=row.price)
        for row in rows
    ]
    best = [*(row for row in rows if row.method == PLAIN), *front(rows)]
    prices = [*(row.price for row in best), max(row.price for row in rows)]
    heights = [*(row.accuracy for row in best), best[-1].accuracy]
    with matplotlib.style.context("keras_sam.figures"):
        figure = cost.drawn(priced, f"{TITLE}; the line is the front")
        (line,) = figure.axes[0].step(prices, heights, where="post", color="0.4", zorder=1)
        line.set(linewidth=1, linestyle="-", marker="")
        literal(figure).savefig(path)


def _runs(accuracies: list[float]) -> list[Run]:
    """Runs of which no more is known than their accuracy, in percent."""
    return [
        Run(Path(), {"seed": seed}, FINISHED, [{"val_accuracy": accuracy / 100}])
        for seed, accuracy in enumerate(accuracies)
    ]
