"""What `--list` prints."""

import textwrap

from tabulate import tabulate

from keras_sam import datasets, methods, models

WIDTH = 88


def listing(kind: str) -> str:
    """The names that a flag takes.

    Args:
        kind: String, `"models"`, `"datasets"` or `"methods"`, which also say what they are.

    Returns:
        String of one or several lines.
    """
    if kind == "methods":
        rows = methods.list(detail=True)
        lines = [("sgd", "plain training", "1")]
        lines += [(row.name, row.summary, str(row.cost)) for row in rows]
        return tabulate(
            lines, ("method", "what it does", "gradients a step"), disable_numparse=True
        )
    names = {"models": models.list, "datasets": datasets.list}[kind]()
    return textwrap.fill(", ".join(names), WIDTH)
