"""The file of a campaign: a line a case, from which it goes on and from which the table is made."""

import collections
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _text import aligned

SURVIVED, REFUSED, FAILED = "survived", "refused", "FAILED"


@dataclass(frozen=True)
class Result:
    """What came of a case.

    Args:
        outcome: `"survived"`, `"refused"` (with an error as it should be) or `"FAILED"`.
        what: String, what was tried.
        reason: String, why it failed or was refused, alike for alike failures. Defaults to `""`.
        detail: String, more of it. Defaults to `""`.
    """

    outcome: str
    what: str
    reason: str = ""
    detail: str = ""


class Log:
    """A file of JSON lines that is only ever added to.

    Args:
        path: Path.
        own: Dictionary of what all lines of this campaign share: backend and seed.
    """

    def __init__(self, path: Path, own: dict[str, Any]) -> None:
        self.path, self.own = path, own
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a+b") as file:  # A campaign that was killed can leave half a line.
            file.seek(0)
            text = file.read()
            file.truncate(text.rfind(b"\n") + 1)

    def lines(self) -> list[dict[str, Any]]:
        """The cases of this backend and seed that are done."""
        lines = map(json.loads, self.path.read_text(encoding="utf-8").splitlines())
        return [line for line in lines if self.own.items() <= line.items()]

    def numbers(self, kind: str) -> set[int]:
        """Numbers of the cases of a kind that are done."""
        return {line["number"] for line in self.lines() if line["kind"] == kind}

    def add(self, kind: str, number: int, seconds: float, result: Result) -> None:
        """Adds a case."""
        line = self.own | {"kind": kind, "number": number, "seconds": round(seconds, 3)}
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line | vars(result)) + "\n")


def counts(lines: list[dict[str, Any]]) -> str:
    """A table of the cases of each kind: how many survived, were refused, failed, a minute.

    Args:
        lines: List of dictionaries, the cases.

    Returns:
        String.
    """
    rows = [("kind", "backend", "cases", SURVIVED, REFUSED, FAILED, "cases a minute")]
    for kind in dict.fromkeys(line["kind"] for line in lines):
        of_kind = [line for line in lines if line["kind"] == kind]
        found = collections.Counter(line["outcome"] for line in of_kind)
        seconds = sum(line["seconds"] for line in of_kind)
        numbers = (len(of_kind), *(found[name] for name in (SURVIVED, REFUSED, FAILED)))
        rate = f"{60 * len(of_kind) / max(seconds, 1e-9):.0f}"
        rows.append((kind, of_kind[0]["backend"], *map(str, numbers), rate))
    return aligned(rows)


def reasons(lines: list[dict[str, Any]]) -> str:
    """A table of the reasons of failures, the most frequent first, each with its first case."""
    failed = _failed(lines)
    if not failed:
        return "no failure"
    found = collections.Counter((line["kind"], line["reason"]) for line in failed)
    first = {(line["kind"], line["reason"]): line for line in reversed(failed)}
    rows = [
        (f"{kind}: {reason}", str(number), f"--only={kind}:{first[kind, reason]['number']}")
        for (kind, reason), number in found.most_common()
    ]
    return aligned([("failures", "cases", "the first"), *rows])


def commands(lines: list[dict[str, Any]]) -> str:
    """For each failure the command that repeats it, and below it what was tried and found."""
    return "\n".join(
        f"{command(line)}\n    {line['what']}\n    {line['reason']}: {line['detail']}"
        for line in _failed(lines)
    )


def command(line: dict[str, Any]) -> str:
    """The command that repeats a case."""
    return (
        f"KERAS_BACKEND={line['backend']} python benchmarks/faults.py --seed={line['seed']} "
        f"--only={line['kind']}:{line['number']}"
    )


def _failed(lines):
    failed = [line for line in lines if line["outcome"] == FAILED]
    return sorted(failed, key=lambda line: (line["kind"], line["reason"], line["number"]))
