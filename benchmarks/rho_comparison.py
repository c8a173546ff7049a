"""Which radius, without tuning it? Ways to find one, beside SAM's tuned one, on four tasks.

    KERAS_BACKEND=tensorflow python benchmarks/rho_comparison.py --task=digits
    KERAS_BACKEND=tensorflow python benchmarks/rho_comparison.py

The first command trains a task's networks, `--task=all` those of all four, which takes an hour and
a half to two of a core; digits come first, as the radius relative to the weights is chosen on them.
Each training is a line of rho_comparison.jsonl in benchmarks/results, and none is made twice: a
stopped one goes on, on another machine as well. Without a task the second command trains nothing,
and writes rho_comparison.txt and .png beside it from what is there.

All ways choose from a task's grid of radii, each twice the one before, so that they share
trainings. What chooses does so on training examples that are held out; accuracies are on the test
examples, over other seeds. CIFAR-10 and flowers12 are read from --data_dir.
"""

import sys
from pathlib import Path

import _rho_report
import _rho_tasks
import _rho_training
from _rho_report import PLAIN, TUNED
from _rho_ways import Book, able, found
from absl import app, flags

FLAGS = flags.FLAGS
RUNS = Path(__file__).parent / "results" / "rho_comparison.jsonl"
flags.DEFINE_string("runs", str(RUNS), "File of the runs; the results are written beside it.")
flags.DEFINE_string("data_dir", "data", "Folder of cifar10_….npz, flowers12.npz and MobileNet.")
flags.DEFINE_enum("task", None, ["all", *_rho_tasks.TASKS], "What to train; nothing by default.")

HEAD = """\
KERAS_BACKEND=tensorflow python benchmarks/rho_comparison.py --task=all

sam, tuned: the radius of seven with the best accuracy on a fifth of the training examples, held
out, with right labels. le_sam and ae_sam: at their defaults. mup_sam: the best such radius of a
network of half the width. relative: the first task's tuned radius, in proportion to the norm of
the initial weights. find_rho: at its defaults, on the training examples with their labels as they
are. Plain training has the same rate. Accuracies are on the test examples, over five other seeds.
kept: share of tuned SAM's gain; surely: its lower limit, of the paired 95 % interval; enough: that
is 80 at least; trainings: what the choice took, in trainings of SAM, by processor time.

"""


def report(results: _rho_report.Results, runs: Path) -> str:
    """Writes the text and the figure of the tasks whose plain training and tuned SAM are there."""
    whole = {task: ways for task, ways in results.items() if {PLAIN, TUNED} <= set(ways)}
    if not whole:
        sys.exit(f"No task is done yet: add --task. Received: --runs={runs}")
    short = {task: _rho_tasks.TASKS[task].title for task in whole}
    titles = {task: f"{short[task]}: {_rho_tasks.TASKS[task].setting}" for task in whole}
    undone = [
        f"{name} on {task}"
        for task, ways in results.items()
        for name in able(task)
        if name not in ways
    ]
    text = HEAD + _rho_report.text(whole, titles) + "\n"
    text += f"\nNot done yet: {', '.join(undone)}.\n" if undone else ""
    runs.with_suffix(".txt").write_text(text, encoding="utf-8")
    _rho_report.draw(whole, short, runs.with_suffix(".png"))
    return text


def main(argv: list[str]) -> None:
    """Trains what is asked for, and reports what is there."""
    if len(argv) > 1:
        raise app.UsageError(f"Options start with two dashes. Received: {' '.join(argv[1:])}")
    runs = Path(FLAGS.runs)
    asked = [*_rho_tasks.TASKS] if FLAGS.task == "all" else filter(None, [FLAGS.task])
    book = Book(runs, _rho_training.trained)
    for task in asked:
        found(task, book)
    book.train = None
    print(report({task: found(task, book) for task in _rho_tasks.TASKS}, runs))


if __name__ == "__main__":
    app.run(main)
