"""What every method came to when each was tuned alike: the package's table, a text and a figure.

    KERAS_BACKEND=jax python apps/reproduce.py --table=methods --workdir=runs/methods --resume
    KERAS_BACKEND=jax python benchmarks/tuned_methods.py --workdir=runs/methods

The first command tunes and trains; it goes on after a stop, and `--list` shows what is left. The
second one measures the price of each tuned method's step on the same network and images, in turns
with plain training, and writes keras_sam/methods/tuned.csv, from which `methods.recommend` and the
page "Which method" come, and methods_tuned.txt and .png in benchmarks/results.

Prices are of processor time with one thread, which is steadier on a busy machine than the clock's;
they are kept in <workdir>/prices.json, and measured again where that is removed. What each cell
came to is kept in methods_tuned.json in benchmarks/results, so that another machine can go on, with
--only of the first command naming the cells that are left. With --partial a table that lacks
methods is written as well; it says which.
"""

import csv
import dataclasses
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from _tuned_cells import KEPT, Found, read, swept
from absl import app, flags

if TYPE_CHECKING:  # A backend comes after the setting of its threads.
    from keras_sam.methods.recommendation import Tuned

FLAGS = flags.FLAGS
flags.DEFINE_string("workdir", "runs/methods", "Folder of the trainings.")
flags.DEFINE_bool("partial", False, "Write what there is.")
flags.DEFINE_integer("blocks", 7, "Turns that each method's step is measured in.", 2)

BATCH = 64


def main(argv: list[str]) -> None:
    """Writes the table of what is done."""
    if len(argv) > 1:
        raise app.UsageError(f"Options start with two dashes. Received: {' '.join(argv[1:])}")
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
    from keras_sam.experiments.tables import tuned

    cells = swept(tuned.CELLS, Path(FLAGS.workdir))
    found, missing, diverged = read(tuned.CELLS, cells)
    newer = newer_methods()
    if newer and not FLAGS.partial:
        sys.exit(
            "Enter the methods that are newer than the table into METHODS or LEFT_OUT of "
            f"keras_sam/experiments/tables/tuned.py, or add --partial. Received: {', '.join(newer)}"
        )
    if missing and not FLAGS.partial:
        sys.exit(
            f"{len(missing)} cells are not done: go on with apps/reproduce.py --table=methods "
            f"--workdir={FLAGS.workdir} --resume, or add --partial. Received: {', '.join(missing)}"
        )
    KEPT.write_text(json.dumps(cells, indent=1) + "\n", encoding="utf-8")
    _write(_rows(found), found, [*missing, *newer], diverged)


def newer_methods() -> list[str]:
    """Registered methods that the table neither has nor leaves out for a reason.

    It is whole at the time of its making; a method that comes after it waits for the next one.
    """
    from keras_sam import methods
    from keras_sam.experiments.tables import tuned

    return sorted({*methods.list()} - {*tuned.METHODS, *tuned.LEFT_OUT})


def _rows(found: list[Found]) -> "list[Tuned]":
    """Plain training and the methods, in the order of their prices."""
    lengths = {one.epochs: one for one in found if one.method == "sgd"}
    tuned = [one for one in found if one.method != "sgd"]
    prices = _prices(tuned, Path(FLAGS.workdir) / "prices.json")
    short = lengths[min(lengths)]
    rows = [_row(short, 1.0, short, short)]
    for one in tuned:
        price = prices[_key(one)]
        same_time = lengths[_nearest(price * one.epochs, lengths)]
        rows.append(_row(one, price, lengths[one.epochs], same_time))
    return sorted(rows, key=lambda row: row.price)


def _key(found: Found) -> str:
    return f"{found.method} {json.dumps(found.settings)}"


def _prices(tuned: list[Found], path: Path) -> dict[str, float]:
    """Processor time of a step over that of plain training, those measured before as they are."""
    prices = json.loads(path.read_text()) if path.is_file() else {}
    new = [one for one in tuned if _key(one) not in prices]
    if new:
        prices |= _measured(new)
        path.write_text(json.dumps(prices, indent=2) + "\n")
    return prices


def _measured(tuned: list[Found]) -> dict[str, float]:
    import _method_cases
    import _method_turns

    import keras_sam

    data = keras_sam.datasets.with_label_noise(keras_sam.datasets.digits(), 0.4, seed=0)
    cases = [_method_cases.Case(one.method, _acting(one)) for one in tuned]
    setting = {"model": "convnet", "batch_size": BATCH, "blocks": FLAGS.blocks, "max_seconds": 3600}
    measured, _ = _method_turns.measure(
        cases,
        (np.asarray(data.x_train), data.y_train),
        setting,
        lambda line: print(f"... {line}", flush=True),
    )
    steps = -(-len(data.y_train) // BATCH)
    return {
        _key(one): _over_training(one, measured[case.label]["step_cpu_ratio"]["median"], steps)
        for one, case in zip(tuned, cases, strict=True)
    }


def _acting(found: Found) -> dict[str, Any]:
    """The settings with which a method acts from the first step on."""
    return found.settings | ({"start": 1} if "start" in found.settings else {})


def _over_training(found: Found, price: float, steps: int) -> float:
    """The mean price of all steps of a training in which the method starts late."""
    share = 1 - found.settings.get("start", 0) / (steps * found.epochs)
    return round(1 + share * (price - 1), 3)


def _nearest(epochs: float, lengths: Iterable[int]) -> int:
    return min(lengths, key=lambda length: abs(length - epochs))


def _row(found: Found, price: float, *references: Found) -> "Tuned":
    """The line of a method, beside plain training of as many epochs and of as much time."""
    from keras_sam.experiments.results.statistics import estimate
    from keras_sam.methods.recommendation import Tuned

    own = estimate(found.accuracies)
    gains = [estimate(found.above(plain)) for plain in references]
    numbers = [
        round(number, 2)
        for one in (own, *gains)
        if one is not None
        for number in (one.mean, one.half_width or 0.0)
    ]
    return Tuned(found.method, found.settings, price, *numbers)


def _write(
    rows: "list[Tuned]", found: list[Found], missing: list[str], diverged: list[str]
) -> None:
    import _tuned_report

    from keras_sam.methods.recommendation import TABLE

    with open(TABLE, "w", encoding="utf-8", newline="") as file:
        names = [field.name for field in dataclasses.fields(rows[0])]
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        for row in rows:
            line = vars(row) | {"settings": json.dumps(row.settings)}
            writer.writerow([line[name] for name in names])
    text = _tuned_report.text(
        rows, [one for one in found if one.method == "sgd"], missing, diverged
    )
    KEPT.with_suffix(".txt").write_text(text, encoding="utf-8")
    figure = KEPT.with_suffix(".png")
    _tuned_report.draw(rows, found, figure)
    print(f"{text}\ntable   {TABLE}\nfigure  {figure}")


if __name__ == "__main__":
    app.run(main)
