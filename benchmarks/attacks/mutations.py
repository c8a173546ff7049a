"""Ways to damage a file."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Draw = np.random.Generator
Mutation = Callable[[Path, Draw], str]

OTHERS: tuple[Any, ...] = (
    *(None, True, 0, -1, 3, 0.5, 10**30, float("nan"), float("inf"), -1e308),
    *("", "x", "1", "\\frac{", "$\\frac{$", [], [1], {}, {"a": []}),
)


def truncated(path: Path, draw: Draw) -> str:
    """Cuts the end off."""
    size = int(draw.integers(1, max(path.stat().st_size, 2)))
    os.truncate(path, size)
    return f"cut to {size} bytes"


def emptied(path: Path, draw: Draw) -> str:
    """Leaves nothing."""
    path.write_bytes(b"")
    return "emptied"


def flipped(path: Path, draw: Draw) -> str:
    """Flips a few bits."""
    content = bytearray(path.read_bytes())
    places = sorted(
        int(place) for place in draw.integers(8 * len(content), size=draw.integers(1, 9))
    )
    for place in places:
        content[place // 8] ^= 1 << place % 8
    path.write_bytes(content)
    return f"bits {places} flipped"


def noise(path: Path, draw: Draw) -> str:
    """Puts random bytes in the place of a part, or of all."""
    content = path.read_bytes()
    start = int(draw.integers(len(content))) if draw.random() < 0.7 else 0
    length = int(draw.integers(1, 65)) if start else max(len(content), 8)
    path.write_bytes(content[:start] + draw.bytes(length) + content[start + length :])
    return f"{length} random bytes from {start} on"


def lengthened(path: Path, draw: Draw) -> str:
    """Adds random bytes."""
    with open(path, "ab") as file:
        file.write(draw.bytes(int(draw.integers(1, 200))))
    return "random bytes added"


def folder(path: Path, draw: Draw) -> str:
    """Puts a folder in its place."""
    path.unlink()
    path.mkdir()
    return "a folder in its place"


def pipe(path: Path, draw: Draw) -> str:
    """Puts a named pipe in its place, from which nobody who reads it gets anything."""
    path.unlink()
    os.mkfifo(path)
    return "a pipe in its place"


def other_type(path: Path, draw: Draw) -> str:
    """Gives a value of JSON, or of a line of JSON, another type; or all of it."""
    lines = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
    number = int(draw.integers(len(lines)))
    content, value = json.loads(lines[number]), OTHERS[draw.integers(len(OTHERS))]
    key = None if draw.random() < 0.1 else str(draw.choice(sorted(content)))
    changed = value if key is None else content | {key: value}
    if key is not None and draw.random() < 0.2:
        changed = {name: content[name] for name in content if name != key}
    lines[number] = json.dumps(changed)
    path.write_text("".join(line + "\n" for line in lines))
    return f"line {number + 1}, {key or 'all of it'}: {json.dumps(changed)[:200]}"


def lines(path: Path, draw: Draw) -> str:
    """Drops, doubles or exchanges lines."""
    found = path.read_text().splitlines(keepends=True)
    kind, one = str(draw.choice(["drops", "doubles", "turns"])), int(draw.integers(len(found)))
    changed = {
        "drops": found[:one] + found[one + 1 :],
        "doubles": [*found[: one + 1], *found[one:]],
        "turns": found[::-1],
    }[kind]
    path.write_text("".join(changed))
    return f"{kind} line {one + 1} of {len(found)}"


ANY: tuple[Mutation, ...] = (truncated, emptied, flipped, noise, lengthened, folder, pipe)
JSON: tuple[Mutation, ...] = (*ANY[:5], other_type, other_type, other_type)
JSON_LINES: tuple[Mutation, ...] = (*JSON, lines)
