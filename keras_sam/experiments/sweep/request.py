"""What a sweep is asked for, checked as far as can be before any training."""

import importlib
from pathlib import Path

from keras_sam import checks
from keras_sam.datasets.extras import import_extra
from keras_sam.experiments.flags import command_line as _command_line
from keras_sam.experiments.results import workdir as _workdir
from keras_sam.experiments.sweep import points as _sweep_points
from keras_sam.experiments.sweep.points import OWNED
from keras_sam.experiments.training import entries as _entries
from keras_sam.experiments.training import options as _options
from keras_sam.experiments.training import planning as _planning


class Request:
    """A sweep's flags, and the app that they are for.

    Args:
        options: Dictionary of the sweep's flags.
        script: String, the name of the program, for errors.
        arguments: List of strings, the app's part of the command line.

    Raises:
        ValueError: If an option is wrong, or the work directory holds a sweep already.
        FileNotFoundError: If the data are missing.
        ImportError: If an optional package is missing.
    """

    def __init__(self, options, script, arguments):
        self.options = options
        self.app = importlib.import_module(options["app"])
        self.script, self.arguments = script, arguments
        self.workdir = Path(options["workdir"])
        self.choices = _sweep_points.grids(options["grid"])
        self.ranges = _sweep_points.ranges(options["range"])
        _check(options)
        _check_workdir(self.workdir, options)
        self._check_points()

    @property
    def app_flags(self):
        """The app's part of the command line as a list of strings, no path of the machine."""
        self._parsed([])
        return _command_line.given(self.app.FLAGS)

    def whole_ranges(self):
        """Dictionary from a flag's name to its range and whether the flag is an integer."""
        for name in self.ranges:
            _entries.check_known("range", name, list(self.app.FLAGS))
        types = {name: self.app.FLAGS[name].flag_type() for name in self.ranges}
        return {name: (ranged, types[name] == "int") for name, ranged in self.ranges.items()}

    def comparison(self, point):
        """Plans the runs of a point, on held-out images.

        Args:
            point: The `Point`.

        Returns:
            `_planning.Comparison`.
        """
        return self._planned(self._of_point(point))

    def final_comparison(self, point):
        """Plans the runs with the chosen point, on all training images.

        Args:
            point: The `Point`.

        Returns:
            `_planning.Comparison`.
        """
        seeds = self.options["final_seeds"]
        return self._planned([*point.arguments, *_where(self.workdir / "final", 0, seeds)])

    def _of_point(self, point):
        options, folder = self.options, self.workdir / "points" / point.folder
        where = _where(folder, options["holdout"], options["sweep_seeds"])
        return [*point.arguments, "--verbose=0", *where]

    def _planned(self, arguments):
        return _planning.plan(self._parsed(arguments))

    def _parsed(self, more):
        smoke = ["--smoke"] if self.options["smoke"] else []
        argv = [self.script, *smoke, *self.arguments, *more]
        return _command_line.parse(self.app.FLAGS, argv, self.app.__doc__)

    def _check_points(self):
        """Tries every point of a grid, or the ends of what a tuner may choose, without training."""
        self._parsed([])
        for name in (name for name in OWNED if self.app.FLAGS[name].present):
            raise ValueError(f"A sweep sets {name} itself: use {OWNED[name]}. Received: --{name}")
        for point in self._examples():
            options = _planning.resolved(self._parsed(self._of_point(point)))
            _check_single(options)
        _planning.loaded(options)

    def _examples(self):
        if self.options["tuner"] == "grid":
            return _sweep_points.product(self.choices)
        numbers = {
            name: [str(int(end)) if is_whole else f"{end:g}" for end in (ranged.low, ranged.high)]
            for name, (ranged, is_whole) in self.whole_ranges().items()
        }
        return _sweep_points.product(self.choices | numbers)


def _where(folder, holdout, seeds):
    places = [f"--workdir={folder}", f"--holdout={holdout}", f"--seeds={','.join(seeds)}"]
    return [*places, "--resume"]  # The sweep has looked whether the folder is free.


def _check(options):
    checks.fraction("holdout", options["holdout"])
    checks.share("holdout", options["holdout"])
    sweep, final = options["sweep_seeds"], options["final_seeds"]
    for seeds in (sweep, final) if final else (sweep,):
        _options.seeds({"seeds": seeds})
    if set(map(int, sweep)) & set(map(int, final)):
        raise ValueError(
            "The final runs need fresh seeds, or they would be as lucky as the choice. Received: "
            f"--sweep_seeds={','.join(sweep)} --final_seeds={','.join(final)}"
        )
    if options["tuner"] == "grid" and (options["range"] or not options["grid"]):
        raise ValueError(
            "Name the values to try, as in --grid=rho=0.05,0.1; a --range is for "
            f"--tuner=random or bayesian. Received: {_received(options)}"
        )
    if options["tuner"] != "grid":
        import_extra("keras_tuner", "keras-tuner")  # Better now than later.
        if not options["grid"] + options["range"]:
            raise ValueError(
                "Name what to search, as in --range=rho=0.01:0.5:log. Received: no --range"
            )


def _received(options):
    return " ".join(f"--range={text}" for text in options["range"]) or "no --grid"


def _check_single(options):
    if options["compare"]:
        raise ValueError(
            "A sweep chooses for one method at a time: give --method=sam in the place of "
            f"--compare, also of a preset's. Received: --compare={','.join(options['compare'])}"
        )
    _entries.entries(options)


def _check_workdir(workdir, options):
    if options["resume"] and options["overwrite"]:
        raise ValueError("Choose one of them. Received: --resume --overwrite")
    if workdir.exists() and not workdir.is_dir():
        raise ValueError(f"The work directory must be a folder. Received: --workdir={workdir}")
    is_used = any(workdir.rglob(_workdir.SETTINGS))
    if is_used and not (options["resume"] or options["overwrite"]):
        raise ValueError(
            f"{workdir} holds runs already: add --resume to go on with the sweep or --overwrite to "
            f"remove it, or choose another folder. Received: --workdir={workdir}"
        )
