"""Trains the cells of a table, one after the other, and writes the report."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keras_sam.experiments.flags.checking import as_argument
from keras_sam.experiments.report.command import report
from keras_sam.experiments.report.groups import IGNORED_KEYS
from keras_sam.experiments.results.folder import SETTINGS
from keras_sam.experiments.results.table import aligned
from keras_sam.experiments.sweep.choice import UndecidedError
from keras_sam.experiments.sweep.sweep import Sweep
from keras_sam.experiments.tables import PUBLISHED, TABLES, checking
from keras_sam.experiments.tables.plan import Plan
from keras_sam.experiments.tables.table import Cell, cover, with_needed
from keras_sam.experiments.training import comparison, progress

RANKED = "e10_tau"  # Of whose models Kendall's tau of m-sharpness and gap is to be told.
PATIENCE = 60.0  # Seconds between two looks at what other processes do.


class Reproduction:
    """A table on its way.

    Args:
        options: Dictionary of the flags of `reproduce.py`.
        command: String, the whole command line, to keep with the results.

    Raises:
        ValueError: If there is no such cell, or the table cannot be trained to its end.
    """

    def __init__(self, options: dict[str, Any], command: str) -> None:
        self._options, self._command = options, command
        self._plans = [Plan(cell, options) for cell in _cells(options)]
        if not options["list"]:
            checking.check(self._plans, options)

    def run(self) -> list[str]:
        """Trains what is left.

        Returns:
            List of the names of the cells and runs that an error ended.
        """
        failed: dict[str, list[str]] = {}
        waiting = list(self._plans)
        while waiting:
            others = [plan for plan in waiting if not self._trained(plan, failed)]
            if others == waiting:
                time.sleep(PATIENCE)
            waiting = others
        print(f"\n{self._so_far()}", flush=True)
        try:
            self._report()
        except (ValueError, ImportError) as error:  # Of figures, say, that somebody damaged.
            failed["report"] = [str(error)]
        return [f"{cell}: {name}" for cell, names in failed.items() for name in names]

    def listed(self) -> str:
        """The cells and how far each is, as an aligned table."""
        states = [self._states([plan]) for plan in self._plans]
        columns = {
            "cell": [plan.cell.name for plan in self._plans],
            "done": [progress.counted(found) for found in states],
        }
        commands = "\n".join(f"{plan.cell.name}: {plan.command}" for plan in self._plans)
        return f"{commands}\n\n{aligned(columns)}\n\n{self._so_far()}"

    def _trained(self, plan: Plan, failed: dict[str, list[str]]) -> bool:
        """Trains a cell; `False` if that has to wait for what another process does."""
        name = plan.cell.name
        if plan.cell.like in failed:
            failed[name] = [f"no choice of {plan.cell.like} to go by"]
            return True
        if not plan.is_ready:
            return False
        number = self._plans.index(plan) + 1
        print(f"\n[{number}/{len(self._plans)}] {name}: {self._so_far()}", flush=True)
        try:
            names = self._train(plan)
        except UndecidedError:
            print(f"{name}: another process still trains what it chooses among", flush=True)
            return False
        except (ValueError, TypeError, ImportError) as error:
            names = [str(error)]
            print(f"{name}: failed: {error}", flush=True)
        if names:
            failed[name] = names
        return True

    def _train(self, plan: Plan) -> list[str]:
        if plan.cell.grid:
            return Sweep(plan.request(), self._command).run()
        return comparison.run(plan.comparison(), self._command)

    def _states(self, plans: Sequence[Plan]) -> list[progress.State]:
        return [progress.state(run) for plan in plans for run in plan.runs()]

    def _so_far(self) -> str:
        return progress.described(self._states(self._plans))

    def _report(self) -> None:
        """One page of all cells that have runs."""
        folders = self._method_folders()
        if not folders:
            return
        table = self._options["table"]
        _, pages = report(
            {
                "runs": list(map(str, folders)),
                "output": str(Path(self._options["workdir"]) / "report"),
                "title": f"{table.upper()}: {TABLES[table].source}",
                "baseline": None,
                "experiment": table if table in PUBLISHED else None,
                "weights": table == "e8",
            }
        )
        for page in pages:
            print(f"page    {page}")
        for plan in self._plans:
            if plan.cell.flags.get("preset") == RANKED:
                print(f"next    {_ranking(plan)}")

    def _method_folders(self) -> list[Path]:
        """The folders of runs that count, one of those that trained the same."""
        found: dict[str, Path] = {}
        for run in (run for plan in self._plans for run in plan.runs(final=True)):
            telling = {k: v for k, v in run.settings.items() if k not in IGNORED_KEYS}
            if (run.path / SETTINGS).is_file():
                found.setdefault(json.dumps(telling, sort_keys=True), run.path.parent)
        return list(dict.fromkeys(found.values()))


def _ranking(plan: Plan) -> str:
    """The command that measures the models of a cell for several m."""
    folders = dict.fromkeys(run.path.parent for run in plan.runs())
    data = plan.options["data_dir"]
    return " ".join(
        [
            "python apps/sharpness.py --measure=m_sharpness --m=4,16,64,256",
            *([as_argument("data_dir", data)] if data else []),
            *(as_argument("checkpoint", f"{folder.name}={folder}") for folder in folders),
        ]
    )


def _cells(options: dict[str, Any]) -> list[Cell]:
    """The cells that the flags ask for.

    Raises:
        ValueError: If there are none.
    """
    table = TABLES[options["table"]]
    every = table.small if options["budget"] == "small" else table.cells
    if not every:
        raise ValueError(
            f"There is no small table of {options['table']}: leave --budget out. "
            f"Received: --budget={options['budget']}"
        )
    chosen = [cell for cell in every if any(text in cell.name for text in options["only"] or [""])]
    if not chosen:
        raise ValueError(
            f"--only must be parts of the names of cells: {', '.join(c.name for c in every)}. "
            f"Received: --only={','.join(options['only'])}"
        )
    return cover(chosen) if options["smoke"] else with_needed(chosen, every)
