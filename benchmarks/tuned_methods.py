"""What every method came to when each was tuned alike: the package's table, a text and a figure.

    KERAS_BACKEND=jax python apps/reproduce.py --table=methods --workdir=runs/methods --resume
    KERAS_BACKEND=jax python benchmarks/tuned_methods.py --workdir=runs/methods

The first command tunes and trains; it goes on after a stop, and `--list` shows what is left. The
second one measures the price of each tuned method's step on the same network and images, in turns
with plain training, and writes keras_sam/methods/tuned.csv, from which `methods.recommend` and the
page "Which method" come, and methods_tuned.txt and .png in benchmarks/results.

Prices are of processor time with one thread, which is steadier on a busy machine than the clock's;
they are kept in <workdir>/prices.json, and measured again where that is removed. With --partial a
table that lacks methods is written as well, to the work directory alone.
"""

import csv
import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from absl import app, flags

if TYPE_CHECKING:  # A backend comes after the setting of its threads.
    from keras_sam.methods.recommendation import Tuned

FLAGS = flags.FLAGS
flags.DEFINE_string("workdir", "runs/methods", "Folder of the trainings.")
flags.DEFINE_bool("partial", False, "Write what there is, to the work directory.")
flags.DEFINE_integer("blocks", 7, "Turns that each method's step is measured in.", 2)

ROOT = Path(__file__).parents[1]
OPTIONS: dict[str, Any] = {"data_dir": None, "weights": [], "smoke": False, "verbose": "0"}
BATCH = 64


@dataclasses.dataclass(frozen=True)
class Found:
    """A method's choice, and what its final runs came to.

    Args:
        method: Registry name, or `"sgd"`.
        epochs: Integer.
        settings: Dictionary of the chosen values.
        accuracies: List of floats, percent, one a seed in the order of the seeds.
        folder: Path of the final runs.
    """

    method: str
    epochs: int
    settings: dict[str, Any]
    accuracies: list[float]
    folder: Path


def main(argv: list[str]) -> None:
    """Writes the table of what is done."""
    if len(argv) > 1:
        raise app.UsageError(f"Options start with two dashes. Received: {' '.join(argv[1:])}")
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
    found, missing, diverged = _found(Path(FLAGS.workdir))
    if missing and not FLAGS.partial:
        sys.exit(
            f"{len(missing)} cells are not done: go on with apps/reproduce.py --table=methods "
            f"--workdir={FLAGS.workdir} --resume, or add --partial. Received: {', '.join(missing)}"
        )
    lengths = {one.epochs: one for one in found if one.method == "sgd"}
    tuned = [one for one in found if one.method != "sgd"]
    prices = _prices(tuned, Path(FLAGS.workdir) / "prices.json")
    rows = [_row(lengths[60], 1.0, lengths[60], lengths[60])]
    for one in tuned:
        price = prices[_key(one)]
        nearest = _nearest(price * one.epochs)
        if nearest in lengths:
            rows.append(_row(one, price, lengths[one.epochs], lengths[nearest]))
        else:
            missing.append(f"{one.method} (for want of sgd/epochs_{nearest})")
    _write(sorted(rows, key=lambda row: row.price), found, missing, diverged)


def _found(workdir: Path) -> tuple[list[Found], list[str], list[str]]:
    """What is whole, the names of the cells that are not, and what ended in a loss of NaN."""
    from keras_sam.experiments.tables import tuned
    from keras_sam.experiments.tables.plan import CHOICE, Plan

    found, missing, diverged = [], [], []
    for cell in tuned.CELLS:
        plan = Plan(cell, OPTIONS | {"workdir": workdir})
        path = plan.folder / CHOICE
        swept: dict[str, Any] = {"final": None}
        if path.is_file():
            swept = json.loads(path.read_text())
        trouble = "not trained" if swept["final"] is None else swept["final"]["trouble"]
        if trouble.startswith("diverged"):
            diverged.append(f"{cell.name} ({trouble})")
        elif trouble:
            missing.append(cell.name)
        if trouble:
            continue
        method, epochs = cell.place["method"], int(cell.flags["epochs"])
        settings = _settings(swept["chosen"])
        found.append(Found(method, epochs, settings, swept["final"]["accuracies"], plan.results))
    return found, missing, diverged


def _settings(chosen: dict[str, str]) -> dict[str, Any]:
    """The values of flags as arguments of a method: a rate, or its radius and other options."""
    from keras_sam.experiments.training.entries import assignments

    pairs = [f"{name}={value}" for name, value in chosen.items() if name != "method_arguments"]
    pairs += [chosen["method_arguments"]] if "method_arguments" in chosen else []
    return assignments("method_arguments", pairs)


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


def _nearest(epochs: float) -> int:
    from keras_sam.experiments.tables.tuned import LENGTHS

    return min(LENGTHS, key=lambda length: abs(length - epochs))


def _row(found: Found, price: float, *references: Found) -> "Tuned":
    """The line of a method, beside plain training of as many epochs and of as much time."""
    from keras_sam.experiments.results.statistics import estimate
    from keras_sam.methods.recommendation import Tuned

    own = estimate(found.accuracies)
    gains = [estimate(_differences(found, plain)) for plain in references]
    numbers = [
        round(number, 2)
        for one in (own, *gains)
        if one is not None
        for number in (one.mean, one.half_width or 0.0)
    ]
    return Tuned(found.method, found.settings, price, *numbers)


def _differences(found: Found, plain: Found) -> list[float]:
    """Seed by seed: both trained with the same ones."""
    pairs = zip(found.accuracies, plain.accuracies, strict=True)
    return [own - reference for own, reference in pairs]


def _write(
    rows: "list[Tuned]", found: list[Found], missing: list[str], diverged: list[str]
) -> None:
    import _tuned_report

    results = ROOT / "benchmarks" / "results"
    place, text_place = ROOT / "keras_sam" / "methods" / "tuned.csv", results
    if missing:
        place, text_place = Path(FLAGS.workdir) / "tuned.csv", Path(FLAGS.workdir)
    with open(place, "w", encoding="utf-8", newline="") as file:
        names = [field.name for field in dataclasses.fields(rows[0])]
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        for row in rows:
            line = vars(row) | {"settings": json.dumps(row.settings)}
            writer.writerow([line[name] for name in names])
    text = _tuned_report.text(
        rows, [one for one in found if one.method == "sgd"], missing, diverged
    )
    (text_place / "methods_tuned.txt").write_text(text, encoding="utf-8")
    _tuned_report.draw(rows, found, text_place / "methods_tuned.png")
    print(f"{text}\ntable   {place}\nfigure  {text_place / 'methods_tuned.png'}")


if __name__ == "__main__":
    app.run(main)
