"""Who reads the files: the library and its apps, and what each makes of intact ones."""

import contextlib
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from attacks import artefacts, mutations, tiny
from keras_sam import datasets
from keras_sam.experiments.flags import command_line, train_resnet
from keras_sam.experiments.report import command as report
from keras_sam.experiments.results.workdir import RunFolder
from keras_sam.experiments.sharpness import options
from keras_sam.experiments.sharpness import report as written

Value = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Reader:
    """A reader of files.

    Args:
        name: String.
        files: String, folder of `artefacts` that it reads.
        damages: Dictionary from a pattern of files to the mutations of these.
        read: Function of the folder, which returns what JSON takes.
        spoilt: Function of the folder, of what came of it intact, and of what came now, that
            returns what is wrong with a value; empty if nothing.
        names_file: Whether its errors must name the file: a flag that is none tells by itself.
    """

    name: str
    files: str
    damages: dict[str, tuple[mutations.Mutation, ...]]
    read: Callable[[Path], Value]
    spoilt: Callable[[Path, Value, Value], str]
    names_file: bool = True


def _report(folder: Path) -> Value:
    printed = _printed(report.main, ["report.py", f"--runs={folder}", f"--output={folder}/page"])
    counted = re.match(r"(\d+) of (\d+) runs", printed)
    return {"counted": None if counted is None else counted[0]}


def _sharpness(folder: Path) -> Value:
    found: list[Any] = []
    written.write = lambda findings, *given: found.extend(findings)
    arguments = [f"--checkpoint=a={next(folder.glob('*/seed_0'))}", "--measure=m_sharpness"]
    _printed(options.main, ["sharpness.py", *arguments, "--smoke", f"--workdir={folder}/out"])
    return {"sharpness": round(found[0].numbers["m_sharpness"], 4)}


def _resumed(folder: Path) -> Value:
    tiny.summary.report = lambda *given: ("", [])
    tiny.train(workdir=folder, resume=True, **artefacts.FLAGS)
    path = _run(folder) / "model.keras"
    try:
        return {"weights": _digest(*(v for _, v in tiny.weights(path)))}
    except zipfile.BadZipFile as error:  # A finished run's are not read: who loads is told.
        raise ValueError(f"{path.name} is damaged. Received: {error}") from error


def _cifar(folder: Path) -> Value:
    return _data(datasets.get("cifar10", str(folder)))


def _photographs(folder: Path) -> Value:
    return _data(datasets.get("image_folder", str(folder), image_size=artefacts.SIDE))


def _flagfile(folder: Path) -> Value:
    argv = ["train_resnet.py", f"--flagfile={folder}/flags.txt"]
    return {"options": str(command_line.read(train_resnet.FLAGS, argv))}


def _data(data: datasets.Dataset) -> Value:
    parts = [np.asarray(part[:]) for part in (data.x_train, data.x_test)]
    labels = [np.asarray(part) for part in (data.y_train, data.y_test)]
    right = all(part.min() >= 0 and part.max() < data.num_classes for part in labels)
    right = right and all(len(x) == len(y) for x, y in zip(parts, labels))
    shapes = [[*map(int, part.shape), str(part.dtype)] for part in (*parts, *labels)]
    return {"data": _digest(*parts, *labels), "right": bool(right), "shapes": shapes}


def _run(folder: Path) -> Path:
    return next(folder.glob("*/seed_0"))


def _digest(*arrays: np.ndarray) -> str:
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def _printed(main: Callable, argv: list[str]) -> str:
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        main(argv, "")
    return text.getvalue()


def _miscounted(folder: Path, intact: Value, value: Value) -> str:
    """Whether a run that is not whole counts as finished."""
    counts = value.get("counted", "1 of 1 runs") == "1 of 1 runs"
    wrong = _wrong_metrics(_run(folder)) or _wrong_model(_run(folder))
    return f"a finished run, though {wrong}" if counts and wrong else ""


def _wrong_metrics(run: Path) -> str:
    if not (run / "metrics.jsonl").is_file():  # To read a pipe would take for ever.
        return "its metrics are no file"
    try:
        history = [json.loads(line) for line in RunFolder(run, {}).metrics.read_text().splitlines()]
        numbers = [[line[key] for key in sorted(line)] for line in history]
        is_whole = [line["epoch"] for line in history] == [1, 2]
    except (ValueError, TypeError, KeyError, OSError) as error:
        return f"its metrics are no list of epochs ({type(error).__name__})"
    if not is_whole:
        return "its metrics have other epochs"
    plain = all(type(number) in (int, float) for line in numbers for number in line)
    return "" if plain else "its metrics are no numbers"


def _wrong_model(run: Path) -> str:
    if not (run / "model.keras").is_file():
        return "its model is no file"
    try:
        # To read all of it would take long: who loads it is told of the rest.
        zipfile.ZipFile(run / "model.keras").close()
    except (OSError, zipfile.BadZipFile, NotImplementedError):
        return "its model is damaged"
    return ""


def _other_weights(folder: Path, intact: Value, value: Value) -> str:
    return "" if value == intact else "other weights than unbroken"


def _other_data(folder: Path, intact: Value, value: Value) -> str:
    """What of data is wrong, where what was damaged has no checksum that would tell."""
    if not value["right"]:
        return "labels that are none"
    return "" if value["shapes"] == intact["shapes"] else "data of another shape"


def _other_checked_data(folder: Path, intact: Value, value: Value) -> str:
    return _other_data(folder, intact, value) or ("" if value == intact else "other data")


def _anything(folder: Path, intact: Value, value: Value) -> str:
    return ""


METRICS = {"*/seed_0/metrics.jsonl": mutations.JSON_LINES}
SETTINGS = {"*/seed_0/settings.json": mutations.JSON}
MODEL = {"*/seed_0/model.keras": mutations.ANY}
TABLE = {"table.txt": mutations.ANY}
CHECKPOINT = {"*/seed_0/epoch_*": mutations.ANY}
PICKLES = {"*/*_batch*": (*mutations.ANY, *[artefacts.pickle_changed] * 4)}
BUNDLES = {"cifar10_*.npz": (*mutations.ANY, *[artefacts.labels_changed] * 4)}
PICTURES = {"*/*/*.*": (*mutations.ANY, *[artefacts.image_changed] * 4)}
# A pipe is a good flag file: shells make one of `<(command)`.
WITHOUT_PIPE = tuple(way for way in mutations.ANY if way is not mutations.pipe)
FLAG_FILE = {"flags.txt": (*WITHOUT_PIPE, mutations.lines)}

# The cheap ones several times: a training takes as long as twenty of them.
READERS = [
    *[Reader("report", "runs/finished", METRICS | SETTINGS | MODEL | TABLE, _report, _miscounted)]
    * 5,
    Reader("--resume", "runs/stopped", CHECKPOINT | METRICS | SETTINGS, _resumed, _other_weights),
    Reader("--resume", "runs/finished", METRICS | SETTINGS | MODEL, _resumed, _miscounted),
    Reader("sharpness", "runs/finished", MODEL | SETTINGS, _sharpness, _anything),
    *[Reader("bundle", "bundle", BUNDLES, _cifar, _other_checked_data)] * 5,
    *[Reader("pickles", "pickles", PICKLES, _cifar, _other_data)] * 5,
    *[Reader("images", "images", PICTURES, _photographs, _anything)] * 5,
    *[Reader("flagfile", "flags", FLAG_FILE, _flagfile, _anything, False)] * 2,
]
