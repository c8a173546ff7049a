"""The table of a comparison, and what it shares with the other tables of a terminal."""

from collections.abc import Iterable

from tabulate import tabulate

from keras_sam.experiments.results import evaluated
from keras_sam.experiments.results.outcomes import Outcome, is_below, plain
from keras_sam.experiments.results.statistics import MEANING, estimate


def table(found: list[Outcome], floor: float | None = None) -> str:
    """An aligned table with a line for each method: means over the seeds and their intervals.

    Args:
        found: List of `Outcome`.
        floor: Float, the accuracy in percent below which a note says so. Defaults to `None`.

    Returns:
        String of several lines.
    """
    reference = plain(found)
    columns = {
        "method": [outcome.label for outcome in found],
        "test accuracy, %": [spread(outcome.accuracies, 1) for outcome in found],
        **_elsewhere(found),
        "final train loss": [_cell(outcome, "loss", 3) for outcome in found],
        "seconds": [_cell(outcome, "time", 1) for outcome in found],
        "step time ÷ sgd": _relative_times(found, reference),
        "gradients a step": [outcome.gradients for outcome in found],
        "note": [_note(outcome, reference, floor) for outcome in found],
    }
    return aligned({title: cells for title, cells in columns.items() if any(cells)})


def spread(values: Iterable[float], digits: int) -> str:
    """A cell of a table: the mean and, of several values, its 95 % interval.

    Args:
        values: Floats.
        digits: Integer, decimals.

    Returns:
        String, `"-"` where there is no value.
    """
    found = estimate(values)
    return "-" if found is None else found.text(digits)


def _elsewhere(found: list[Outcome]) -> dict[str, list[str]]:
    """Columns of the errors on other images, where there are any."""
    errors = [
        [evaluated.means(evaluated.read(run.path)) for run in outcome.finished] for outcome in found
    ]
    names = dict.fromkeys(name for runs in errors for run in runs for name in run)
    return {
        "mean corruption error, %" if name == evaluated.CORRUPTED else f"error on {name}, %": [
            spread([run[name] for run in runs if name in run], 1) for runs in errors
        ]
        for name in names
    }


def _cell(outcome: Outcome, name: str, digits: int) -> str:
    return spread(outcome.numbers[name] if outcome.finished else [], digits)


def _relative_times(found: list[Outcome], reference: Outcome | None) -> list[str]:
    """Cells of a column; empty ones where plain training has no time to compare with."""
    if reference is None or reference.step_time is None:
        return [""] * len(found)
    times = [outcome.step_time for outcome in found]
    return ["-" if time is None else f"{time / reference.step_time:.2f}" for time in times]


def _note(outcome: Outcome, reference: Outcome | None, floor: float | None) -> str:
    below = "below sgd" if is_below(outcome, reference) else ""
    is_beaten = floor is not None and outcome.finished and outcome.accuracy.mean < floor
    beaten = "below the probe" if is_beaten else ""
    return ", ".join(filter(None, (below, beaten, outcome.trouble)))


def aligned(columns: dict[str, list[str]]) -> str:
    """Columns under their titles, the first one on the left and all others on the right.

    Args:
        columns: Dictionary from a title to a list of strings, one a row.

    Returns:
        String of several lines; the last one says what ± is, where there is one.
    """
    sides = ["left", *["right"] * (len(columns) - 1)]
    # The titles as a row: Tabulate's own headers make wide columns wider still.
    rows = [tuple(columns), *zip(*columns.values(), strict=True)]
    text = tabulate(rows, tablefmt="plain", colalign=sides, disable_numparse=True)
    text = "\n".join(map(str.rstrip, text.splitlines()))
    return f"{text}\n\n{MEANING}" if "±" in text else text
