"""Damaged files: read as if they were not, or refused in one line that names them."""

import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from attacks import artefacts
from attacks.children import Ended, forked
from attacks.log import FAILED, REFUSED, SURVIVED, Result
from attacks.readers import READERS, Reader

LONGEST = 15.0  # Seconds that an app may take for a second's work before it counts as hung.
TROUBLE = "trouble"  # Key of what a reader raised.


class Cases:
    """Damaged files.

    Args:
        folder: Path of a folder for the intact files and for work.
        seed: Integer.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seed = folder, seed
        self.usual: dict[Reader, dict[str, Any]] = {}

    def run(self, numbers: Iterable[int]) -> Iterator[tuple[int, Result]]:
        """Yields pairs of a case's number and its `Result`."""
        for number in numbers:
            with tempfile.TemporaryDirectory(dir=self.folder) as work:
                yield number, self._case(number, Path(work))

    def _case(self, number: int, work: Path) -> Result:
        draw = np.random.default_rng([self.seed, 4, number])
        reader = READERS[draw.integers(len(READERS))]
        copy = work / "copy"
        self._copy(reader, copy)
        pattern = sorted(reader.damages)[draw.integers(len(reader.damages))]
        mutations = reader.damages[pattern]
        mutation = mutations[draw.integers(len(mutations))]
        paths = sorted(copy.glob(pattern))
        path = paths[draw.integers(len(paths))]
        what = f"{reader.name} of {path.name}: {mutation(path, draw)}"
        usual, ended = self._usual(reader), _read(reader, copy)
        outcome, reason, detail = _judged(reader, path, usual, ended)
        where = f"{reader.name}, {pattern.rpartition('/')[2]} {mutation.__name__}"
        return Result(outcome, what, f"{where}: {reason}" if outcome == FAILED else reason, detail)

    def _copy(self, reader: Reader, copy: Path) -> None:
        name, _, part = reader.files.partition("/")
        shutil.copytree(artefacts.made(self.folder / "intact", name) / part, copy)

    def _usual(self, reader: Reader) -> dict[str, Any]:
        """What comes of the intact files; kept."""
        if reader not in self.usual:
            with tempfile.TemporaryDirectory(dir=self.folder) as work:
                self._copy(reader, Path(work, "copy"))
                ended = _read(reader, Path(work, "copy"))
            if ended.trouble or TROUBLE in ended.value:
                raise RuntimeError(f"Intact files must be read. Received: {ended}")
            self.usual[reader] = ended.value
        return self.usual[reader]


def _read(reader: Reader, copy: Path) -> Ended:
    return forked(lambda: _outcome(reader, copy), seconds=LONGEST)


def _outcome(reader: Reader, copy: Path) -> dict[str, Any]:
    """What a reader returns, or the message with which it ends."""
    try:
        return reader.read(copy)
    except SystemExit as ended:
        return {TROUBLE: str(ended.code)}
    except (ValueError, TypeError, OSError, RuntimeError) as error:
        return {TROUBLE: str(error)}


def _judged(
    reader: Reader, path: Path, usual: dict[str, Any], ended: Ended
) -> tuple[str, str, str]:
    """Outcome, reason and detail of a reading."""
    if list(path.parent.glob("ran")):
        return FAILED, "runs what the file says", ""
    if ended.trouble:
        return FAILED, _kind(ended.trouble), ended.trouble[:500]
    if TROUBLE in ended.value:
        return _judged_message(reader, path, ended.value[TROUBLE], ended.text)
    copy = next(folder for folder in path.parents if folder.name == "copy")
    wrong = reader.spoilt(copy, usual, ended.value)
    return (FAILED, f"silent: {wrong}", "") if wrong else (SURVIVED, "", "")


def _judged_message(reader: Reader, path: Path, message: str, printed: str) -> tuple[str, str, str]:
    """Whether an error is one line that names the file, or what the app printed before it is."""
    lines = [line for line in printed.splitlines() if ": failed: " in line]
    text = "\n".join([*lines, message])
    if len(message.splitlines()) > 1:
        return FAILED, f"an error in several lines: {_kind(text)}", text[:500]
    if not reader.names_file:
        return REFUSED, "", text[:500]
    if path.name not in text and str(path.parent) not in text:
        return FAILED, f"an error that does not name the file: {_kind(text)}", text[:500]
    if "Received: " not in text:
        return FAILED, f"an error without Received: {_kind(text)}", text[:500]
    return REFUSED, "", text[:500]


def _kind(text: str) -> str:
    """The first words of a trouble, without what differs between alike ones."""
    line = (text.strip().splitlines() or ["nothing said"])[0]
    return re.sub(r"(\S*/\S+|0x\w+|\d+|'[^']*')", "…", line)[:60]
