"""How the benchmarks write ratios, verdicts, tables and files."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def save(result: Any, path: str | Path | None) -> None:
    """Writes a result as JSON, and makes the folders that are missing.

    Args:
        result: What JSON takes.
        path: String or path; `None` or empty for no file.
    """
    if path:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(json.dumps(result, indent=2) + "\n")


def surroundings_text(setting: dict[str, Any]) -> str:
    """Network, backend, device and versions in a line."""
    versions = ", ".join(f"{name} {version}" for name, version in setting["versions"].items())
    return (
        f"{setting['model']}, batch {setting['batch_size']}, {setting['backend']} on "
        f"{setting['device']}, {setting['processors']} processors; {versions}"
    )


def aligned(rows: Sequence[tuple[str, ...]]) -> str:
    """Lines of a table, its first column to the left and the others to the right.

    Args:
        rows: List of tuples of strings.

    Returns:
        String.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join([r[0].ljust(widths[0]), *map(str.rjust, r[1:], widths[1:])]) for r in rows)
    return "\n".join(map(str.rstrip, lines))


def ratio_text(ratio: dict[str, float]) -> str:
    """Median, and quartiles in brackets."""
    return f"{ratio['median']:.2f} ({ratio['low']:.2f}-{ratio['high']:.2f})"


def verdict(ratio: dict[str, float], target: float, at_least: bool = False) -> str:
    """Whether a ratio keeps to a target: `"pass"`, `"FAIL"`, or `"open"` between.

    Args:
        ratio: Dictionary of `median`, `low` and `high`.
        target: Float, the most that the ratio may be.
        at_least: Whether it is the least that it has to be. Defaults to `False`.
    """
    sign = -1 if at_least else 1
    if sign * ratio["median"] <= sign * target:
        return "pass"
    best = ratio["high"] if at_least else ratio["low"]
    return "FAIL" if sign * best > sign * target else "open"
