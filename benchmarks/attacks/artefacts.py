"""Intact files of every kind that the library and its apps read, made once a campaign."""

import functools
import io
import os
import pickle
import shutil
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from PIL import Image

from attacks import tiny
from attacks.children import forked
from keras_sam.experiments.results.workdir import RunFolder

FLAGS: dict[str, Any] = {"method": "looksam", "label_noise": 0.2, "epochs": 2}
SIDE = 32


def made(folder: Path, name: str) -> Path:
    """Makes the files of a kind in a folder, unless they are there.

    Args:
        folder: Path.
        name: String: `"runs"`, `"bundle"`, `"pickles"`, `"images"` or `"flags"`.

    Returns:
        Path of the folder of these files.
    """
    write = {"runs": _runs, "bundle": _bundle, "pickles": _pickles, "images": _images}
    done = folder / f"{name} done"
    if not done.is_file():
        shutil.rmtree(folder / name, ignore_errors=True)  # Of a campaign that was killed.
        (folder / name).mkdir(parents=True)
        write.get(name, _flags)(folder / name)
        done.touch()
    return folder / name


def _runs(folder: Path) -> None:
    """A finished run, and one that was stopped after its first epoch."""
    for work in (_finish, _stop):
        ended = forked(functools.partial(work, folder), seconds=240)
        if ended.trouble:
            raise RuntimeError(f"The campaign's own run must train. Received: {ended.text}")


def _finish(folder: Path) -> float:
    return tiny.train(workdir=folder / "finished", **FLAGS)


def _stop(folder: Path) -> float:
    keep = RunFolder.complete_epoch

    def stopped(folder: RunFolder, *given: Any) -> None:
        keep(folder, *given)
        os._exit(0)

    with mock.patch.object(RunFolder, "complete_epoch", stopped):
        return tiny.train(workdir=folder / "stopped", **FLAGS)


def _pictures(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    return draw.integers(0, 256, (count, SIDE, SIDE, 3), dtype="uint8"), np.arange(count) % 10


def _bundle(folder: Path) -> None:
    """CIFAR-10 as two archives of mosaics."""
    for part, count in (("train", 20), ("test", 10)):
        images, labels = _pictures(count, count)
        file = io.BytesIO()
        Image.fromarray(images.reshape(-1, SIDE, 3)).save(file, "PNG")
        tile = np.frombuffer(file.getvalue(), "uint8")
        np.savez(folder / f"cifar10_{part}.npz", y=labels.astype("uint8"), tile00=tile)


def _pickles(folder: Path) -> None:
    """CIFAR-10 as its authors' pickles."""
    inner = folder / "cifar-10-batches-py"
    inner.mkdir()
    for number, name in enumerate([f"data_batch_{n}" for n in range(1, 6)] + ["test_batch"]):
        images, labels = _pictures(10, number)
        planes = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
        content = {b"data": planes, b"labels": labels.tolist()}
        (inner / name).write_bytes(pickle.dumps(content, protocol=2))


def _images(folder: Path) -> None:
    """A folder of images for each class."""
    for number in range(12):
        part, name = ("train", "test")[number % 2], "ab"[number // 2 % 2]
        place = folder / part / name
        place.mkdir(parents=True, exist_ok=True)
        kind = (".png", ".jpg")[number // 4 % 2]
        Image.fromarray(_pictures(1, number)[0][0]).save(place / f"{number:02d}{kind}")


def _flags(folder: Path) -> None:
    """A file of flags."""
    text = "--method=multistep\n--method_arguments=steps=3\n--rho=0.1\n--epochs=2\n--seeds=0,1\n"
    (folder / "flags.txt").write_text(text)


def labels_changed(path: Path, draw: np.random.Generator) -> str:
    """Gives an archive labels that are none of its images'."""
    with np.load(path) as archive:
        content = dict(archive)
    labels, names = content["y"], ("out of range", "NaN", "halves", "too many", "a column", "words")
    name = str(draw.choice(names))
    content["y"] = {
        "out of range": np.where(np.arange(len(labels)) == 3, 255, labels),
        "NaN": np.where(np.arange(len(labels)) == 3, np.nan, labels),
        "halves": labels + 0.5,
        "too many": np.concatenate([labels, labels]),
        "a column": labels[:, None],
        "words": labels.astype(str),
    }[name]
    np.savez(path, **content)
    return f"labels: {name}"


def pickle_changed(path: Path, draw: np.random.Generator) -> str:
    """Gives a pickle other content, or orders to run."""
    content = pickle.loads(path.read_bytes())
    labels = content[b"labels"]
    changed = {
        "a label out of range": content | {b"labels": [*labels[:-1], 77]},
        "a label too many": content | {b"labels": [*labels, 1]},
        "labels are words": content | {b"labels": list(map(str, labels))},
        "no labels": {b"data": content[b"data"]},
        "a list": [content],
        "images of other sizes": content | {b"data": content[b"data"][:, :100]},
        "images are floats": content | {b"data": content[b"data"] * np.nan},
        "an order to run": _Order(str(path.parent / "ran")),
    }
    name = str(draw.choice(sorted(changed)))
    path.write_bytes(pickle.dumps(changed[name], protocol=2))
    return f"pickle: {name}"


def image_changed(path: Path, draw: np.random.Generator) -> str:
    """Puts another file beside an image, or another kind of image in its place."""
    name = str(draw.choice(["hidden", "of a Mac", "text", "grey", "with alpha", "link to itself"]))
    if name in ("hidden", "of a Mac"):
        prefix = "." if name == "hidden" else "._"
        path.with_name(prefix + path.name).write_bytes(draw.bytes(100))
    elif name == "text":
        path.write_text("no image")
    elif name == "link to itself":
        path.unlink()
        path.symlink_to(path.name)
    else:
        with Image.open(path) as image:
            other = image.convert("L" if name == "grey" else "RGBA")
        other.save(path, "PNG")
    return f"image: {name}"


class _Order:
    """What a pickle makes of it runs a command."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch '{self.path}'",)
