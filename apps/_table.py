"""The table of a comparison."""

import numpy as np
from _outcomes import is_below, plain


def table(found):
    """An aligned table with a line for each method: mean and deviation over the seeds.

    Args:
        found: List of `Outcome`.

    Returns:
        String of several lines.
    """
    columns = {
        "method": [outcome.label for outcome in found],
        "test accuracy, %": [_spread(outcome.accuracies, 1) for outcome in found],
        "final train loss": [_spread([r[-1]["loss"] for r in o.runs], 3) for o in found],
        "seconds": [_spread([_seconds(run) for run in outcome.runs], 1) for outcome in found],
        "step time ÷ sgd": _relative_times(found),
        "gradients a step": [outcome.gradients for outcome in found],
        "note": [_note(outcome, plain(found)) for outcome in found],
    }
    return _aligned({title: cells for title, cells in columns.items() if any(cells)})


def _seconds(run):
    return sum(line["seconds"] for line in run)


def _spread(values, digits):
    if not values:
        return "-"
    mean = f"{np.mean(values):.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ± {np.std(values, ddof=1):.{digits}f}"


def _relative_times(found):
    """Cells of a column; empty ones where plain training has no time to compare with."""
    reference = plain(found)
    if reference is None or reference.step_time is None:
        return [""] * len(found)
    times = [outcome.step_time for outcome in found]
    return ["-" if time is None else f"{time / reference.step_time:.2f}" for time in times]


def _note(outcome, reference):
    below = "below sgd" if is_below(outcome, reference) else ""
    return ", ".join(filter(None, (below, outcome.trouble)))


def _aligned(columns):
    rows = [tuple(columns), *zip(*columns.values(), strict=True)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join([r[0].ljust(widths[0]), *map(str.rjust, r[1:], widths[1:])]) for r in rows)
    return "\n".join(map(str.rstrip, lines))
