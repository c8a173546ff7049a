"""Runs every preset of the training apps, shrunken, and says which end with a finite loss.

    KERAS_BACKEND=jax python benchmarks/presets.py --output=presets_jax.json

runs what `python apps/<app>.py --preset=<name> --smoke` does for each, one after the other in this
process, on the backend of KERAS_BACKEND. Expect half a minute for each on two cores. It writes
presets_jax.json, and the table beside it in presets_jax.txt, after each preset: what is there when
it is stopped stays. --presets=e6,e8 runs these alone.
"""

import contextlib
import io
import json
import math
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from _text import aligned, save
from absl import app, flags

from keras_sam import experiments
from keras_sam.experiments.flags import finetune_efficientnet, train_resnet

APPS = (train_resnet, finetune_efficientnet)
FLAGS = flags.FLAGS

flags.DEFINE_list("presets", [], "Run these presets only.")
flags.DEFINE_string("output", None, "JSON file to write; a table goes beside it.", required=True)


def main(argv: list[str]) -> None:
    """Runs the presets that the flags ask for."""
    if len(argv) > 1:
        raise app.UsageError(f"Options start with two dashes. Received: {' '.join(argv[1:])}")
    backend, rows = os.environ.get("KERAS_BACKEND", "jax"), []
    for name, preset in _presets(FLAGS.presets):
        rows.append(_row(name, preset))
        _write(Path(FLAGS.output), backend, rows)
    print(_table(backend, rows))
    sys.exit(any(not row["finite"] for row in rows))


def _presets(chosen):
    """Pairs of an app's name and a preset's."""
    every = [(m.__name__.rpartition(".")[-1], preset) for m in APPS for preset in m.PRESETS]
    unknown = set(chosen) - {preset for _, preset in every}
    if unknown:
        raise app.UsageError(f"presets must be names of --help. Received: {', '.join(unknown)}")
    return [(name, preset) for name, preset in every if not chosen or preset in chosen]


def _row(name: str, preset: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as workdir:
        started = time.perf_counter()
        ended = _ended(name, preset=preset, smoke=True, workdir=workdir)
        seconds = time.perf_counter() - started
        losses = {path.parts[-3]: _loss(path) for path in Path(workdir).glob("*/*/metrics.jsonl")}
    is_finite = bool(losses) and not ended and all(map(math.isfinite, losses.values()))
    print(f"{preset}: {seconds:.0f} s {ended or losses}", flush=True)
    row = {"app": name, "preset": preset, "seconds": round(seconds, 1), "losses": losses}
    return row | {"finite": is_finite, "error": ended}


def _ended(name: str, **values: Any) -> str:
    """The line with which an app failed; empty if it ended well."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            experiments.train(name, **values)
    except (ValueError, TypeError, OSError, ImportError, RuntimeError) as error:
        return str(error)
    return ""


def _loss(path):
    lines = path.read_text().splitlines()
    return json.loads(lines[-1])["loss"] if lines else math.nan


def _write(path, backend, rows):
    save({"backend": backend, "presets": rows}, path)
    path.with_suffix(".txt").write_text(_table(backend, rows) + "\n", encoding="utf-8")


def _table(backend, rows):
    cells = [
        (
            row["preset"],
            f"{row['seconds']:.0f}",
            ", ".join(f"{method} {loss:.3f}" for method, loss in sorted(row["losses"].items())),
            "yes" if row["finite"] else "NO",
        )
        for row in rows
    ]
    title = ("preset", f"seconds on {backend}", "final training losses", "finite")
    return aligned([title, *cells])


if __name__ == "__main__":
    app.run(main)
