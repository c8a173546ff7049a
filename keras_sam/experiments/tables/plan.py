"""What a cell comes to in a work directory: its folder, its flags, its runs, without any data."""

import dataclasses
import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

from keras_sam.experiments.flags import command_line, sweep
from keras_sam.experiments.results.files import RunError
from keras_sam.experiments.results.folder import RunFolder
from keras_sam.experiments.sweep.points import Point, corners, space
from keras_sam.experiments.sweep.request import Request
from keras_sam.experiments.tables.table import Cell
from keras_sam.experiments.training import planning
from keras_sam.experiments.training.entries import entries
from keras_sam.experiments.training.options import seeds
from keras_sam.experiments.training.planning import Comparison
from keras_sam.experiments.training.settings import settings

SWEEP_SEED = "0"
HOLDOUT = 0.2
CHOICE = "sweep.json"  # What a sweep leaves as soon as it has chosen.


@dataclasses.dataclass(frozen=True)
class Plan:
    """A cell, as `reproduce.py` trains it.

    Args:
        cell: The `Cell`.
        options: Dictionary of the flags of `reproduce.py`.
    """

    cell: Cell
    options: dict[str, Any]

    @property
    def folder(self) -> Path:
        """The folder of the cell."""
        return Path(self.options["workdir"]) / self.cell.name

    @property
    def results(self) -> Path:
        """The folder of the runs that count: of a sweep those after its choice."""
        return self.folder / "final" if self.cell.grid else self.folder

    @property
    def is_ready(self) -> bool:
        """Whether the cell whose choice this one takes has made it."""
        return self.cell.like is None or self._likeness.is_file()

    @property
    def grid(self) -> list[str]:
        """The values to choose among, as `--grid` of a sweep has them; few of them in a trial."""
        most = 2 if self.options["smoke"] else None
        return [f"{flag}={','.join(values[:most])}" for flag, values in self.cell.grid.items()]

    @property
    def seeds(self) -> str:
        """The seeds of a sweep's final runs."""
        return ",".join(self.cell.seeds[: 1 if self.options["smoke"] else None])

    @property
    def arguments(self) -> list[str]:
        """The flags of the app, less those that say where its runs go."""
        options = self.options
        found = [*self.cell.arguments, *(["--smoke"] if options["smoke"] else [])]
        found += [f"--data_dir={options['data_dir']}"] if options["data_dir"] else []
        own = weight_files(options).get(self.cell.place.get("network", ""))
        found += [f"--weights={own}"] if own else []
        return found + (_choice(self._likeness) if self.cell.like and self.is_ready else [])

    @property
    def command(self) -> str:
        """What trains the cell alone."""
        own = [f"--grid={text}" for text in self.grid]
        if not own:
            return " ".join([f"{self.cell.app}.py", *self.arguments])
        return " ".join(["sweep.py", f"--app={self.cell.app}", *own, "--", *self.arguments])

    def resolved(self, *more: str) -> dict[str, Any]:
        """The app's options as they will be used, checked.

        Args:
            *more: Further arguments.

        Raises:
            ValueError: If one is wrong, or a method does not fit.
        """
        options = planning.resolved(self._read(*more))
        planning.fitting(options)
        return options

    def runs(self, final: bool = False) -> list[RunFolder]:
        """All runs of the cell; where a choice is to be made, one value stands for the chosen.

        Args:
            final: Whether to leave out those that a choice goes by. Defaults to `False`.
        """
        if not self.cell.grid:
            return self._runs(self.folder)
        points = corners(space(self.grid, [], lambda flag: False))
        chosen = self._runs(self.results, *points[0].arguments, f"--seeds={self.seeds}")
        if final:
            return chosen
        held_out = [f"--seeds={SWEEP_SEED}", f"--holdout={HOLDOUT}"]
        tried = [
            self._runs(self.folder / "points" / point.folder, *point.arguments, *held_out)
            for point in points
        ]
        return [*(run for runs in tried for run in runs), *chosen]

    def _runs(self, place: Path, *more: str) -> list[RunFolder]:
        options = self.resolved(*more)
        return [
            RunFolder(place / entry.folder / f"seed_{seed}", settings(options, entry, seed))
            for entry in entries(options)
            for seed in seeds(options)
        ]

    def comparison(self) -> Comparison:
        """The checked runs of a cell without a grid, with their data.

        Raises:
            ValueError: If the folder holds other runs, or the cell cannot be trained so.
        """
        where = [f"--workdir={self.folder}", f"--verbose={self.options['verbose']}", "--resume"]
        return planning.plan(self._read(*where))

    def request(self) -> Request:
        """The checked sweep of a cell with a grid.

        Raises:
            ValueError: As `comparison`.
        """
        own = [f"--grid={text}" for text in self.grid]
        own += [f"--sweep_seeds={SWEEP_SEED}", f"--final_seeds={self.seeds}"]
        own += [f"--app={self.cell.app}", f"--holdout={HOLDOUT}"]
        own += [f"--workdir={self.folder}", "--resume"]
        options = command_line.read(sweep.FLAGS, ["sweep.py", *own])
        arguments = [*self.arguments, f"--verbose={self.options['verbose']}"]
        return Request(options, "sweep.py", arguments)

    @property
    def _likeness(self) -> Path:
        return Path(self.options["workdir"]) / str(self.cell.like) / CHOICE

    @property
    def _app(self) -> ModuleType:
        return importlib.import_module(f"keras_sam.experiments.flags.{self.cell.app}")

    def _read(self, *more: str) -> dict[str, Any]:
        return command_line.read(self._app.FLAGS, [self.cell.app, *self.arguments, *more])


def weight_files(options: dict[str, Any]) -> dict[str, str]:
    """The files that networks of a table start from, by the network's place in it."""
    return dict(text.partition("=")[::2] for text in options["weights"])


def _choice(path: Path) -> list[str]:
    """The arguments that a sweep chose."""
    try:
        return Point(json.loads(path.read_text())["chosen"]).arguments
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(
            f"{path} must hold the choice of a sweep: delete the file, and it is made again "
            f"without any training. Received: {error}"
        ) from error
