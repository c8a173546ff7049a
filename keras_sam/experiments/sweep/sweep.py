"""Runs a sweep: every point on held-out images, then the chosen one on all training images."""

import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from keras_sam.experiments.flags import command_line
from keras_sam.experiments.results.files import write_whole
from keras_sam.experiments.results.outcomes import Outcome, outcomes
from keras_sam.experiments.results.workdir import check, check_free, clear
from keras_sam.experiments.sweep.choice import Result, best, table
from keras_sam.experiments.sweep.database import trouble_told
from keras_sam.experiments.sweep.journal import TRIAL_LOCK
from keras_sam.experiments.sweep.kept import Kept
from keras_sam.experiments.sweep.points import Point, corners
from keras_sam.experiments.sweep.pruning import Pruned, judge_first
from keras_sam.experiments.sweep.request import Request
from keras_sam.experiments.sweep.storage import kept_in
from keras_sam.experiments.sweep.study import Study
from keras_sam.experiments.training.comparison import run
from keras_sam.experiments.training.planning import Comparison

WORST = 0.0  # What a tuner hears of a point that did not train to its end.


class Sweep:
    """A sweep on its way.

    Args:
        request: The `Request`.
        command: String, the whole command line, to keep with the results.
    """

    def __init__(self, request: Request, command: str) -> None:
        self._request, self._command = request, command
        kept = kept_in(request.workdir, request.options["storage"])
        if request.options["overwrite"]:
            _clear(request.workdir, kept)
        tuner = request.options["tuner"]
        first = corners(request.space) if tuner == "grid" else request.started
        self._count = len(first) if tuner == "grid" else request.options["trials"]
        self._found: dict[str, Result] = {}
        self._study = Study(kept, request.search, request.space, tuner, self._count, first)
        self._waits = kept.waits or request.options["engine"] == "ray"

    def run(self) -> list[str]:
        """Trains every point, prints the table, and trains with the choice.

        Returns:
            List of the names of the final runs that an error ended.
        """
        with trouble_told():
            self._study.measure(self._score, self._waits)
            results = [self._found.get(p.label) or self._seen(p) for p in self._study.points]
        chosen = best(results)
        self._report(results, chosen)
        return self._finish(results, chosen) if self._request.options["final_seeds"] else []

    def _score(self, point: Point) -> float | None:
        """What a tuner hears of a point."""
        result = self._measured(point)
        return None if result.is_pruned else result.score or WORST

    def _measured(self, point: Point) -> Result:
        """Trains what is left of a point; returns what came of it."""
        number = self._study.points.index(point) + 1
        name = f"[{number}/{self._count}] {point.label}"
        print(f"{name} …", flush=True)
        comparison = self._request.comparison(point)
        if self._request.options["prune"]:
            judge_first(comparison, self._study.lags)
        log, is_pruned = comparison.workdir / "printed.txt", False
        with open(log, "a", encoding="utf-8") as file, contextlib.redirect_stdout(file):
            try:
                self._train(comparison)
            except Pruned:
                is_pruned = True
        result = Result(point, _outcome(comparison), is_pruned)
        self._found[point.label] = result
        print(f"{name}: {result.line}", flush=True)
        return result

    def _seen(self, point: Point) -> Result:
        """What came of a point that another process measures, or one before measured."""
        outcome = _outcome(self._request.comparison(point))
        if self._request.options["prune"] and point in self._study.pruned:
            return Result(point, outcome, is_pruned=True)
        # A run that failed is tried again; of one in training, its process will tell.
        is_whole = not (outcome.failed or outcome.unfinished)
        return Result(point, outcome) if is_whole else self._measured(point)

    def _train(self, comparison: Comparison) -> list[str]:
        app = self._request.options["app"]
        command = command_line.command(self._request.app.FLAGS, [f"{app}.py"])
        return run(comparison, command)

    def _report(self, results: list[Result], chosen: Result) -> None:
        title = f"Accuracy on {self._request.options['holdout']:.0%} of the training images"
        text = f"{title}\n\n{table(results, chosen)}"
        print(f"\n{text}")
        path = self._request.workdir / "sweep.txt"
        path.write_text(f"{self._command}\n\n{text}", encoding="utf-8")
        print(f"table   {path}")
        self._keep(results, chosen)

    def _finish(self, results: list[Result], chosen: Result) -> list[str]:
        print(f"\nWith {chosen.point.label}, on all training images:", flush=True)
        comparison = self._request.comparison(chosen.point, is_final=True)
        failed = self._train(comparison)
        self._keep(results, chosen, _outcome(comparison))
        return failed

    def _keep(self, results: list[Result], chosen: Result, final: Outcome | None = None) -> None:
        asked = ("app", "tuner", "holdout", "sweep_seeds", "final_seeds")
        content: dict[str, Any] = {"command": self._command}
        content |= {name: self._request.options[name] for name in asked}
        content |= {
            "chosen": chosen.point.values,
            "points": [
                result.point.values | _figures(result.outcome) | {"trouble": result.trouble}
                for result in results
            ],
            "final": None if final is None else _figures(final),
        }
        text = json.dumps(content, indent=2)
        path = self._request.workdir / "sweep.json"
        write_whole(path, lambda unfinished: unfinished.write_text(text))


def _clear(workdir: Path, kept: Kept) -> None:
    folders = [*workdir.glob("points/*"), workdir / "final"]
    own = [folder for folder in folders if not (folder.is_symlink() or folder.parent.is_symlink())]
    check_free(lock for folder in own for lock in folder.glob(TRIAL_LOCK))
    for folder in own:
        check(folder, [], resume=False, overwrite=True)
    kept.forget()
    for left in (line for folder in own for line in clear(folder)):
        print(f"left    {left}", flush=True)


def _outcome(comparison: Comparison) -> Outcome:
    return outcomes(comparison.runs)[0]


def _figures(outcome: Outcome) -> dict[str, Any]:
    accuracies = outcome.accuracies
    return {
        "accuracies": accuracies,
        "mean": float(np.mean(accuracies)) if accuracies else None,
        "deviation": float(np.std(accuracies, ddof=1)) if len(accuracies) > 1 else None,
        "trouble": outcome.trouble,
    }
