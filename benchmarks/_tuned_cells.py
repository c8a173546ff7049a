"""What the cells of the table of tuned methods came to: those trained here, and those kept."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keras_sam.experiments.tables.table import Cell

KEPT = Path(__file__).parent / "results" / "methods_tuned.json"
OPTIONS: dict[str, Any] = {"data_dir": None, "weights": [], "smoke": False, "verbose": "0"}


@dataclasses.dataclass(frozen=True)
class Found:
    """A method's choice, and what its final runs came to.

    Args:
        method: Registry name, or `"sgd"`.
        epochs: Integer.
        settings: Dictionary of the chosen values.
        accuracies: List of floats, percent, one a seed in the order of the seeds.
    """

    method: str
    epochs: int
    settings: dict[str, Any]
    accuracies: list[float]

    def above(self, plain: "Found") -> list[float]:
        """The differences to plain training, seed by seed: both trained with the same ones."""
        pairs = zip(self.accuracies, plain.accuracies, strict=True)
        return [own - reference for own, reference in pairs]


def swept(cells: "Sequence[Cell]", workdir: Path, kept: Path = KEPT) -> dict[str, dict[str, Any]]:
    """The choice and the final runs of each cell that is through, by the cell's name.

    Args:
        cells: List of `Cell`, those of a table.
        workdir: Path of the folder of the trainings.
        kept: Path of a file of cells that were trained elsewhere.
    """
    from keras_sam.experiments.results import evaluated
    from keras_sam.experiments.tables.plan import CHOICE, Plan

    found = json.loads(kept.read_text()) if kept.is_file() else {}
    for cell in cells:
        plan = Plan(cell, OPTIONS | {"workdir": workdir})
        path = plan.folder / CHOICE
        here = json.loads(path.read_text()) if path.is_file() else {"final": None}
        if here["final"] is None:
            continue
        found[cell.name] = {key: here[key] for key in ("chosen", "final")}
        if "evaluate_on" in cell.flags:
            runs = sorted(plan.results.glob("*/seed_*"))
            found[cell.name]["errors"] = [evaluated.read(run) for run in runs]
    return found


def read(
    cells: "Sequence[Cell]", swept: dict[str, dict[str, Any]]
) -> tuple[list[Found], list[str], list[str]]:
    """What is whole, the names of the cells that are not, and what ended in a loss of NaN.

    Args:
        cells: List of `Cell`, those of a table.
        swept: Dictionary, as `swept` returns it.
    """
    found, missing, diverged = [], [], []
    for cell in cells:
        one = swept.get(cell.name, {})
        trouble = one["final"]["trouble"] if one else "not trained"
        if trouble.startswith("diverged"):
            diverged.append(f"{cell.name} ({trouble})")
        elif trouble:
            missing.append(cell.name)
        else:
            method, epochs = cell.place["method"], int(cell.flags["epochs"])
            accuracies = one["final"]["accuracies"]
            found.append(Found(method, epochs, _settings(one["chosen"]), accuracies))
    return found, missing, diverged


def _settings(chosen: dict[str, str]) -> dict[str, Any]:
    """The values of flags as arguments of a method: a rate, or its radius and other options."""
    from keras_sam.experiments.training.entries import assignments

    pairs = [f"{name}={value}" for name, value in chosen.items() if name != "method_arguments"]
    pairs += [chosen["method_arguments"]] if "method_arguments" in chosen else []
    return assignments("method_arguments", pairs)
