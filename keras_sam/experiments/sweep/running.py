"""Runs a sweep: every point on held-out images, then the chosen one on all training images."""

import contextlib

from keras_sam.experiments.flags import command_line as _command_line
from keras_sam.experiments.results import workdir as _workdir
from keras_sam.experiments.results.outcomes import outcomes
from keras_sam.experiments.sweep import choice as _sweep_choice
from keras_sam.experiments.sweep import points as _sweep_points
from keras_sam.experiments.sweep import tuner as _sweep_tuner
from keras_sam.experiments.training import comparison as _comparison

WORST = 0.0  # What a tuner hears of a point that did not train to its end.


class Sweep:
    """A sweep on its way.

    Args:
        request: The `Request`.
        command: String, the whole command line, to keep with the results.
    """

    def __init__(self, request, command):
        self.request = request
        self.command = command
        self.results = []

    def run(self):
        """Trains every point, prints the table, and trains with the choice.

        Returns:
            List of the names of the final runs that an error ended.
        """
        request, options = self.request, self.request.options
        if options["overwrite"]:
            for folder in [*request.workdir.glob("points/*"), request.workdir / "final"]:
                _workdir.clear(folder)
        if options["tuner"] == "grid":
            points = _sweep_points.product(request.choices)
            for point in points:
                self._score(point, len(points))
        else:
            self._search()
        chosen = _sweep_choice.best(self.results)
        self._report(chosen)
        return self._finish(chosen) if options["final_seeds"] else []

    def _search(self):
        request, options = self.request, self.request.options
        _sweep_tuner.search(
            options["tuner"],
            request.choices,
            request.whole_ranges(),
            options["trials"],
            lambda point: self._score(point, options["trials"]),
        )

    def _score(self, point, count):
        comparison = self.request.comparison(point)
        name = f"[{len(self.results) + 1}/{count}] {point.label}"
        print(f"{name} …", flush=True)
        log = comparison.workdir / "printed.txt"
        with open(log, "a", encoding="utf-8") as file, contextlib.redirect_stdout(file):
            self._train(comparison)
        result = _sweep_choice.Result(point, outcomes(comparison.runs)[0])
        print(f"{name}: {result.line}", flush=True)
        self.results.append(result)
        return WORST if result.score is None else result.score

    def _train(self, comparison):
        app = self.request.app
        command = _command_line.command(app.FLAGS, [f"{app.__name__}.py"])
        return _comparison.run(comparison, command)

    def _report(self, chosen):
        title = f"Accuracy on {self.request.options['holdout']:.0%} of the training images"
        found = _sweep_choice.table(self.results, chosen)
        text = f"{title}\n\n{found}\n{_sweep_choice.ties(self.results, chosen)}"
        print(f"\n{text}")
        path = self.request.workdir / "sweep.txt"
        path.write_text(f"{self.command}\n\n{text}", encoding="utf-8")
        print(f"table   {path}")
        self._keep(chosen)

    def _finish(self, chosen):
        print(f"\nWith {chosen.point.label}, on all training images:", flush=True)
        comparison = self.request.final_comparison(chosen.point)
        failed = self._train(comparison)
        self._keep(chosen, outcomes(comparison.runs)[0])
        return failed

    def _keep(self, chosen, final=None):
        asked = ("app", "tuner", "holdout", "sweep_seeds", "final_seeds")
        facts = {name: self.request.options[name] for name in asked}
        path = self.request.workdir / "sweep.json"
        _sweep_choice.keep(path, {"command": self.command} | facts, self.results, chosen, final)
