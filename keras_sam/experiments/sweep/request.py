"""What a sweep is asked for, checked as far as can be before any training."""

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

from keras_sam import checks
from keras_sam.experiments.flags import command_line
from keras_sam.experiments.flags.checking import whole_numbers
from keras_sam.experiments.results.folder import SETTINGS
from keras_sam.experiments.sweep import points
from keras_sam.experiments.sweep.database import check_url
from keras_sam.experiments.sweep.points import OWNED, Point
from keras_sam.experiments.training import planning
from keras_sam.experiments.training.entries import check_known


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

    def __init__(self, options: dict[str, Any], script: str, arguments: list[str]) -> None:
        self.options = options
        self.app = _app(options["app"])
        self.script, self.arguments = script, arguments
        self.workdir = Path(options["workdir"])
        self.space = points.space(options["grid"], options["range"], self._is_whole)
        for flag in self.space:
            self._check_flag("grid", flag)
        _check(options)
        _check_workdir(self.workdir, options)
        self._check_points()
        if options["storage"] is not None:
            check_url(options["storage"])

    def _check_flag(self, kind: str, flag: str) -> None:
        # A flagfile is none, either: an error would show its lines.
        names = [name for name in self.app.FLAGS if name not in command_line.HIDDEN]
        check_known(kind, flag, names)

    def _is_whole(self, flag: str) -> bool:
        self._check_flag("range", flag)
        return self.app.FLAGS[flag].flag_type() == "int"

    @property
    def app_flags(self) -> list[str]:
        """The app's part of the command line, no path of the machine."""
        self._parsed([])
        return command_line.given(self.app.FLAGS)

    @property
    def search(self) -> str:
        """The part of the command line that says what to choose among."""
        options = self.options
        parts = [f"--{flag}={text}" for flag in ("grid", "range") for text in options[flag]]
        return " ".join([f"--tuner={options['tuner']}", *parts])

    @property
    def started(self) -> list[Point]:
        """The points of which there are runs, whatever started them."""
        runs = self.workdir.glob(f"points/*/*/seed_*/{SETTINGS}")
        folders = sorted({path.parents[2].name for path in runs})
        return list(filter(None, (points.named(folder, self.space) for folder in folders)))

    def comparison(self, point: Point, is_final: bool = False) -> planning.Comparison:
        """Plans the runs of a point.

        Args:
            point: The `Point`.
            is_final: Whether to train on all training images, with fresh seeds, rather than to
                hold some out. Defaults to `False`.

        Returns:
            The `Comparison`.
        """
        return planning.plan(
            self._parsed(self._final(point) if is_final else self._held_out(point))
        )

    def _held_out(self, point: Point) -> list[str]:
        options, folder = self.options, self.workdir / "points" / point.folder
        where = _where(folder, options["holdout"], options["sweep_seeds"])
        return [*point.arguments, "--verbose=0", *where]

    def _final(self, point: Point) -> list[str]:
        return [*point.arguments, *_where(self.workdir / "final", 0, self.options["final_seeds"])]

    def _parsed(self, more: list[str]) -> dict[str, Any]:
        smoke = ["--smoke"] if self.options["smoke"] else []
        argv = [self.script, *smoke, *self.arguments, *more]
        return command_line.parse(self.app.FLAGS, argv, self.app.__doc__)

    def _check_points(self) -> None:
        """Tries every point of a grid, or the ends of what a tuner may choose, without training."""
        self._parsed([])
        for name in (name for name in OWNED if self.app.FLAGS[name].present):
            raise ValueError(f"A sweep sets {name} itself: use {OWNED[name]}. Received: --{name}")
        for point in points.corners(self.space):
            options = planning.resolved(self._parsed(self._held_out(point)))
            if options["compare"]:
                raise ValueError(
                    "A sweep chooses for one method at a time: give --method=sam in the place of "
                    "--compare, also of a preset's. "
                    f"Received: --compare={','.join(options['compare'])}"
                )
            planning.fitting(options)
        planning.loaded(options)


def _app(name: str) -> ModuleType:
    """The module of an app, with its `FLAGS`, its `PRESETS` and its help."""
    return importlib.import_module(f"keras_sam.experiments.flags.{name}")


def _where(folder: Path, holdout: float, seeds: list[str]) -> list[str]:
    places = [f"--workdir={folder}", f"--holdout={holdout}", f"--seeds={','.join(seeds)}"]
    return [*places, "--resume"]  # The sweep has looked whether the folder is free.


def _check(options: dict[str, Any]) -> None:
    checks.fraction("holdout", options["holdout"])
    checks.share("holdout", options["holdout"])
    sweep, final = options["sweep_seeds"], options["final_seeds"]
    whole_numbers("--sweep_seeds", sweep)
    if final:
        whole_numbers("--final_seeds", final)
    if set(map(int, sweep)) & set(map(int, final)):
        raise ValueError(
            "The final runs need fresh seeds, or they would be as lucky as the choice. Received: "
            f"--sweep_seeds={','.join(sweep)} --final_seeds={','.join(final)}"
        )
    if options["tuner"] == "grid" and (options["range"] or not options["grid"]):
        ranges = " ".join(f"--range={text}" for text in options["range"])
        raise ValueError(
            "Name the values to try, as in --grid=rho=0.05,0.1; a --range is for "
            f"--tuner=random or bayesian. Received: {ranges or 'no --grid'}"
        )
    if not options["grid"] + options["range"]:
        raise ValueError(
            "Name what to search, as in --range=rho=0.01:0.5:log. Received: no --range"
        )


def _check_workdir(workdir: Path, options: dict[str, Any]) -> None:
    if options["resume"] and options["overwrite"]:
        raise ValueError("Choose one of them. Received: --resume --overwrite")
    if workdir.exists() and not workdir.is_dir():
        raise ValueError(f"The work directory must be a folder. Received: --workdir={workdir}")
    is_used = any(workdir.rglob(SETTINGS))
    if is_used and not (options["resume"] or options["overwrite"]):
        raise ValueError(
            f"{workdir} holds runs already: add --resume to go on with the sweep or --overwrite to "
            f"remove it, or choose another folder. Received: --workdir={workdir}"
        )
