"""The table of a comparison."""

import numpy as np

from keras_sam.experiments.results.outcomes import is_below, plain


def table(found):
    """An aligned table with a line for each method: mean and deviation over the seeds.

    Args:
        found: List of `Outcome`.

    Returns:
        String of several lines.
    """
    columns = {
        "method": [outcome.label for outcome in found],
        "test accuracy, %": [spread(outcome.accuracies, 1) for outcome in found],
        "final train loss": [spread([r[-1]["loss"] for r in o.runs], 3) for o in found],
        "seconds": [spread([_seconds(run) for run in outcome.runs], 1) for outcome in found],
        "step time ÷ sgd": _relative_times(found),
        "gradients a step": [outcome.gradients for outcome in found],
        "note": [_note(outcome, plain(found)) for outcome in found],
    }
    return aligned({title: cells for title, cells in columns.items() if any(cells)})


def _seconds(run):
    return sum(line["seconds"] for line in run)


def spread(values, digits):
    """A cell of a table: mean and, of several values, deviation.

    Args:
        values: List of floats.
        digits: Integer, decimals.

    Returns:
        String, `"-"` where there is no value.
    """
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


def aligned(columns):
    """Columns under their titles, the first one on the left and all others on the right.

    Args:
        columns: Dictionary from a title to a list of strings, one a row.

    Returns:
        String of several lines.
    """
    rows = [tuple(columns), *zip(*columns.values(), strict=True)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join([r[0].ljust(widths[0]), *map(str.rjust, r[1:], widths[1:])]) for r in rows)
    return "\n".join(map(str.rstrip, lines))
