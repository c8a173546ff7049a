"""Ways to a radius, each as what it has trained and what it then chooses."""

import contextlib
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import _rho_tasks
from _rho_report import PLAIN, TUNED, Way
from _rho_training import Run

FIRST = "digits"  # On which the radius relative to the weights is chosen.
RELATIVE = "relative to ‖w‖"
TUNING_SEED, SEEDS = 0, (10, 11, 12, 13, 14)


class NotTrainedError(LookupError):
    """A run that is not there, where nothing is trained."""


class Book:
    """The outcomes of runs, kept in a file.

    Args:
        path: Path of the file, a line of JSON for each run.
        train: Function from a `Run` to its outcome, a dictionary; `None` to train nothing.
    """

    def __init__(self, path: Path, train: Callable[[Run], dict[str, Any]] | None):
        self.path, self.train = path, train
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        self.known = {_key(line["run"]): line["outcome"] for line in map(json.loads, lines)}

    def outcome(self, run: Run) -> dict[str, Any]:
        """What a run came to, trained now if it is new.

        Raises:
            NotTrainedError: If it is new, and nothing is to be trained.
        """
        line = dataclasses.asdict(run)
        if _key(line) not in self.known:
            if self.train is None:
                raise NotTrainedError(_key(line))
            found = self.train(run)
            print(f"{_key(line)}: {found}", flush=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"run": line, "outcome": found}) + "\n")
            self.known[_key(line)] = found
        return self.known[_key(line)]


def _key(run: dict[str, Any]) -> str:
    return json.dumps(run, sort_keys=True)


def run_of(task: str, part: str, method: str, rho: float | None = None, seed: int = 0) -> Run:
    """A run; at a radius of 0 every method is plain training."""
    setting = _rho_tasks.TASKS[task].setting
    options = {} if rho is None else {"rho": rho}
    return Run(task, setting, part, *((PLAIN, {}) if rho == 0 else (method, options)), seed)


def tuned(task: str, book: Book, part: str = "holdout") -> float:
    """SAM's best radius on held-out examples; of equal ones the smallest."""
    scores = {
        rho: book.outcome(run_of(task, part, "sam", rho, TUNING_SEED))["accuracy"]
        for rho in _rho_tasks.grid(task)
    }
    return max(scores, key=scores.__getitem__)


def relative(task: str, book: Book) -> float:
    """The tuned radius of the first task, in proportion to the norm of the initial weights."""
    norms = [book.outcome(run_of(name, "norm", PLAIN))["norm"] for name in (FIRST, task)]
    return _rho_tasks.snapped(task, tuned(FIRST, book) * norms[1] / norms[0])


def searched(task: str, book: Book) -> float:
    """What `find_rho` finds at its defaults, from the training examples alone."""
    return book.outcome(run_of(task, "search", "sam"))["rho"]


# What a way's choice is made of.
CHOOSING = {TUNED: "holdout", "mup_sam": "narrow", "find_rho": "search"}
# Each way's method, and how it comes to a radius; `None`: the method's defaults.
WAYS: dict[str, tuple[str, Callable[[str, Book], float] | None]] = {
    PLAIN: (PLAIN, None),
    TUNED: ("sam", tuned),
    "le_sam": ("le_sam", None),
    "ae_sam": ("ae_sam", None),
    "mup_sam": ("mup_sam", lambda task, book: tuned(task, book, "narrow")),
    RELATIVE: ("sam", relative),
    "find_rho": ("sam", searched),
}


def able(task: str) -> list[str]:
    """The ways that a task allows: there may be no narrow network."""
    return [name for name in WAYS if name != "mup_sam" or _rho_tasks.TASKS[task].has_narrow]


def found(task: str, book: Book) -> dict[str, Way]:
    """Each way's radius and accuracies on a task, as far as they are there."""
    ways = {}
    for name in able(task):
        with contextlib.suppress(NotTrainedError):
            ways[name] = _way(name, task, book)
    return ways


def _way(name: str, task: str, book: Book) -> Way:
    method, choose = WAYS[name]
    rho = None if choose is None else choose(task, book)
    accuracies = {
        seed: book.outcome(run_of(task, "test", method, rho, seed))["accuracy"] for seed in SEEDS
    }
    return Way(rho, accuracies, _price(name, task, book))


def _price(name: str, task: str, book: Book) -> float:
    """The processor time of a way's choice, over that of a training of tuned SAM."""
    part = "holdout" if (name, task) == (RELATIVE, FIRST) else CHOOSING.get(name)
    if part is None:
        return 0.0
    radii = [None] if part == "search" else _rho_tasks.grid(task)
    spent = [book.outcome(run_of(task, part, "sam", rho, TUNING_SEED)) for rho in radii]
    best = tuned(task, book)
    whole = [book.outcome(run_of(task, "test", "sam", best, seed)) for seed in SEEDS]
    return _seconds(spent) / (_seconds(whole) / len(whole))


def _seconds(outcomes: list[dict[str, Any]]) -> float:
    return sum(outcome["seconds"] for outcome in outcomes)
