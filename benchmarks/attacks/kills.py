"""Trainings that are killed and resumed, beside the same training unbroken."""

import hashlib
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from attacks import tiny
from attacks.children import Ended, forked
from attacks.log import FAILED, REFUSED, SURVIVED, Result
from keras_sam import methods

VARIANTS = 4  # Of each method: an unbroken run each, which all its cases share.
AGAIN = 0.3  # Share of the resumed runs that are killed, too.
OPERATIONS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate")
TIMES = ("seconds", "train_seconds")
LEFT = ["environment.jsonl", "lock", "metrics.jsonl", "model.keras", "settings.json"]


class Cases:
    """Kills.

    Args:
        folder: Path of a folder for unbroken runs and for work.
        seed: Integer.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seed = folder, seed

    def run(self, numbers: Iterable[int]) -> Iterator[tuple[int, Result]]:
        """Yields pairs of a case's number and its `Result`."""
        for number in numbers:
            with tempfile.TemporaryDirectory(dir=self.folder) as work:
                yield number, self._case(number, Path(work))

    def _case(self, number: int, work: Path) -> Result:
        draw = np.random.default_rng([self.seed, 1, number])
        name = str(draw.choice(["sgd", *methods.list()]))
        options = self._options(name, int(draw.integers(VARIANTS)))
        unbroken = self._unbroken(options)
        what = " ".join(f"{key}={value}" for key, value in options.items())
        if trouble := unbroken["trouble"]:
            outcome = REFUSED if "Received: " in trouble.partition(" failed: ")[2] else FAILED
            return Result(outcome, what, "never trains", trouble)
        for _ in range(1 + (draw.random() < AGAIN)):
            what += f"; {_killed(options, work, unbroken, draw)}"
        ended = forked(lambda: _trained(options, work))
        reason, detail = _difference(ended, work, Path(unbroken["folder"]))
        return Result(FAILED if reason else SURVIVED, what, reason, detail)

    def _options(self, name: str, variant: int) -> dict[str, Any]:
        """Flags of the training app."""
        draw = np.random.default_rng([self.seed, 1, variant, *name.encode()])
        row = None if name == "sgd" else methods.registry.ROWS[name]
        brief = {} if row is None or variant == 0 else row.brief
        options: dict[str, Any] = {
            "method": name,
            "method_arguments": [f"{k}={v}" for k, v in brief.items()],
        }
        options["augment"] = ["none", "basic", "mixup", "cutout"][draw.integers(4)]
        options["label_noise"] = [0.0, 0.3][draw.integers(2)]
        options["mixed_precision"] = ["none", "none", "float16", "bfloat16"][draw.integers(4)]
        options["schedule"] = ["constant", "cosine"][draw.integers(2)]
        is_plain = row is not None and row.factory(**brief).descent.needs_plain_sgd
        if not is_plain:
            options["optimizer"] = ["sgd", "adam", "adamw", "rmsprop"][draw.integers(4)]
            options["clipnorm"] = [None, 1.0][draw.integers(2)]
            options["weight_decay"] = 0.01  # AdamW has none by default, and is refused so.
        if row is not None and not row.factory(**brief).descent.needs_last_batch:
            options["num_batch_splits"] = [None, None, 2][draw.integers(3)]
        if tiny.BACKEND != "torch":
            options["steps_per_execution"] = [1, 1, 2][draw.integers(3)]
        return options

    def _unbroken(self, options: dict[str, Any]) -> dict[str, Any]:
        """The same run, never stopped: its folder, seconds, and file operations; kept."""
        key = hashlib.sha256(json.dumps(options, sort_keys=True).encode()).hexdigest()[:16]
        folder = self.folder / "unbroken" / key
        if not (folder / "run.json").is_file():
            shutil.rmtree(folder, ignore_errors=True)  # Of a campaign that was killed.
            folder.mkdir(parents=True)
            ended = forked(lambda: _trained(options, folder), seconds=240)
            found = {"trouble": _trouble(ended), **(ended.value or {}), "folder": str(folder)}
            (folder / "unfinished.json").write_text(json.dumps(found))
            os.replace(folder / "unfinished.json", folder / "run.json")
        return json.loads((folder / "run.json").read_text())


def _killed(
    options: dict[str, Any], work: Path, unbroken: dict[str, Any], draw: np.random.Generator
) -> str:
    """Trains until a random moment; returns which one in words."""
    if draw.random() < 0.5:
        last = int(draw.integers(unbroken["operations"])) + 1
        ended = forked(lambda: _trained(options, work, last))
        return f"killed at file operation {last} ({_when(ended, work)})"
    share = float(draw.random())
    ended = forked(lambda: _trained(options, work), killed_after=share * unbroken["seconds"])
    return f"killed after {share:.3f} of the time ({_when(ended, work)})"


def _when(ended: Ended, work: Path) -> str:
    found = sorted(path.name for path in work.rglob("seed_*/*"))
    return f"{ended.trouble or 'too late'}, with {', '.join(found) or 'no file'}"


def _trained(options: dict[str, Any], work: Path, last: int | None = None) -> dict[str, Any]:
    """Trains, or goes on, as the app does; ends itself at a file operation where told to."""
    done = [0]

    def watch(event: str, arguments: tuple) -> None:
        if event in OPERATIONS and str(work) in str(arguments[0]):
            done[0] += 1
            if done[0] == last:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    with mock.patch.object(tiny.summary, "report", lambda *given: ("", [])):  # No figures.
        seconds = tiny.train(workdir=work, resume=True, **options)
    return {"seconds": seconds, "operations": done[0]}


def _difference(ended: Ended, work: Path, unbroken: Path) -> tuple[str, str]:
    """What a resumed run has that the unbroken one has not, in a word and in words."""
    if ended.trouble:
        return "cannot be resumed", _trouble(ended)
    ours, theirs = (next(folder.glob("*/seed_*")) for folder in (work, unbroken))
    left = sorted(path.name for path in ours.iterdir())
    if left != LEFT:
        return "leaves other files", ", ".join(sorted(set(left) ^ set(LEFT)))
    if _metrics(ours) != _metrics(theirs):
        return "other metrics", f"{_metrics(ours)} instead of {_metrics(theirs)}"
    pairs = zip(*(tiny.weights(folder / "model.keras") for folder in (ours, theirs)), strict=True)
    far = [name for (name, a), (_, b) in pairs if a.tobytes() != b.tobytes()]
    return ("other weights", ", ".join(far)) if far else ("", "")


def _trouble(ended: Ended) -> str:
    """How a training failed to end, with the line in which the app says why."""
    line = next((line for line in ended.text.splitlines() if ": failed: " in line), "")
    return ended.trouble and f"{ended.trouble} {line}"


def _metrics(folder: Path) -> list[dict[str, str]]:
    lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    # As text: NaN is like no other number.
    return [{k: str(v) for k, v in line.items() if k not in TIMES} for line in lines]
