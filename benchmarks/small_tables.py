"""What the tables of CIFAR-10 in small came to, as a text in benchmarks/results.

    KERAS_BACKEND=jax python apps/reproduce.py --table=methods_cifar10 --data_dir=<folder> \\
      --workdir=runs/methods_cifar10 --resume
    python benchmarks/small_tables.py --table=methods_cifar10 --workdir=runs/methods_cifar10

or --table=long_tail. The first command tunes and trains, in an hour or two of one core; the second
writes methods_cifar10.txt, and into methods_cifar10.json what each method came to, so that another
machine can go on, with --only of the first command naming the methods that are left.
"""

import json
import textwrap
from pathlib import Path
from typing import Any

import _tuned_cells
from _tuned_report import shown
from absl import app, flags

from keras_sam.experiments.results.statistics import estimate
from keras_sam.experiments.results.table import aligned
from keras_sam.experiments.tables import TABLES
from keras_sam.experiments.training.entries import PLAIN

FLAGS = flags.FLAGS
RESULTS = Path(__file__).parent / "results"
flags.DEFINE_enum("table", "methods_cifar10", ["methods_cifar10", "long_tail"], "Which of them.")
flags.DEFINE_string("workdir", None, "Folder of the trainings. Default: runs/<table>.")

HEAD = """\
KERAS_BACKEND=jax python apps/reproduce.py --table={table} --data_dir=... --workdir=runs/{table}
python benchmarks/small_tables.py --table={table} --workdir=runs/{table}

{text}

"""
TEXT = (
    "{task}. A method's radius, and plain training's rate, is the best of {trials} on a fifth of "
    "the training images, held out, with right labels and one seed; figures are of {seeds} other "
    "seeds on the test images."
)
TASKS = {
    "methods_cifar10": "ResNet-8 on 1,500 images of CIFAR-10, 16x16, 40 % of the labels wrong",
    "long_tail": "ResNet-8 on 1,485 images of CIFAR-10, 16x16, 600 of one class to 6 of another",
}


def main(argv: list[str]) -> None:
    """Writes the table of what is done."""
    if len(argv) > 1:
        raise app.UsageError(f"Options start with two dashes. Received: {' '.join(argv[1:])}")
    cells, kept = TABLES[FLAGS.table].cells, RESULTS / f"{FLAGS.table}.json"
    workdir = FLAGS.workdir or f"runs/{FLAGS.table}"
    swept = _tuned_cells.swept(cells, Path(workdir), kept)
    found, missing, diverged = _tuned_cells.read(cells, swept)
    plain = next((one for one in found if one.method == PLAIN), None)
    if plain is None:
        raise SystemExit(f"Plain training is not done yet. Received: --workdir={workdir}")
    kept.write_text(json.dumps(swept, indent=1) + "\n", encoding="utf-8")
    columns = {
        "method": [one.method for one in found],
        "chosen": [shown(one.settings) for one in found],
        "test accuracy, %": [_shown(one.accuracies) for one in found],
        "above sgd": [
            "" if one is plain else _shown(one.above(plain), signed=True) for one in found
        ],
        **_errors([swept[one.method] for one in found]),
    }
    trials = {len(next(iter(cell.grid.values()))) for cell in cells}
    about = TEXT.format(
        task=TASKS[FLAGS.table],
        trials=" or ".join(map(str, sorted(trials))),
        seeds=len(cells[0].seeds),
    )
    text = HEAD.format(table=FLAGS.table, text=textwrap.fill(about, 100)) + aligned(columns)
    text += f"\nNot done yet: {', '.join(missing)}.\n" if missing else ""
    text += f"\nDiverged: {', '.join(diverged)}.\n" if diverged else ""
    kept.with_suffix(".txt").write_text(text, encoding="utf-8")
    print(text)


def _errors(swept: list[dict[str, Any]]) -> dict[str, list[str]]:
    """A column for the errors of each group of classes, where the runs have been tested on them."""
    if "errors" not in swept[0]:
        return {}
    groups = list(swept[0]["errors"][0]["class_sizes"])
    return {
        f"error, {group}": [
            _shown([100 * run["class_sizes"][group][0] for run in one["errors"]]) for one in swept
        ]
        for group in groups
    }


def _shown(values: list[float], signed: bool = False) -> str:
    found = estimate(values)
    return found.text(1, signed=signed) if found else ""


if __name__ == "__main__":
    app.run(main)
