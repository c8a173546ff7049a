"""What SECURITY.md promises of files from others, of the network, and of what is written where."""

import os
import re
import socket
import sys
import tempfile
from pathlib import Path

import keras
import matplotlib
import numpy as np
import pytest
from keras import layers

from keras_sam import datasets, models
from keras_sam.experiments.sharpness.options import main
from keras_sam.models.weights import load_weights
from keras_sam.sharpness import Landscape

from .conftest import message_of, quietly, start
from .reported import make_run, write_report

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CHANGES = ("os.mkdir", "os.rename", "os.truncate", "os.symlink", "os.link", "shutil.rmtree")
# What Python and Matplotlib keep of their own, for all programs alike.
CACHES = ("__pycache__", matplotlib.get_cachedir(), matplotlib.get_configdir(), os.devnull)
watching = []  # An audit hook stays for ever: it looks on while there is a list in here.


def look_on(event, arguments):
    if watching:
        is_write = event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING
        if (is_write or event in CHANGES) and not isinstance(arguments[0], int):
            watching[0].append(os.fspath(arguments[0]))
        elif event in ("socket.connect", "socket.getaddrinfo", "urllib.Request"):
            watching[0].append(event)


sys.addaudithook(look_on)


@pytest.fixture
def touched():
    """Paths that are written to, and connections that are made."""
    seen = []
    watching.append(seen)
    yield seen
    watching.clear()


def measure(*arguments):
    with quietly():
        main(["sharpness.py", *arguments], "What the app does.")


def test_apps_write_to_their_folders_and_connect_to_nothing(tmp_path, touched, monkeypatch):
    monkeypatch.chdir(tmp_path)
    start("--method=sam", "--epochs=1", "--workdir=work")
    write_report("--runs=work", "--output=page")
    run = "--checkpoint=a=work/sam"
    measure(run, "--measure=m_sharpness", "--smoke", "--workdir=measured")
    paths = {Path(path).resolve() for path in touched if not any(c in path for c in CACHES)}
    inside = {path for path in paths if path.is_relative_to(tmp_path)}
    assert {path.relative_to(tmp_path).parts[0] for path in inside} == {"work", "page", "measured"}
    # Keras writes a model to a temporary file first.
    assert all(path.is_relative_to(tempfile.gettempdir()) for path in paths - inside)


def test_the_watch_of_the_test_above_sees(touched):
    with tempfile.NamedTemporaryFile() as file, pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", 1), timeout=0.1)
    assert {file.name, "socket.connect"} <= set(touched)


@pytest.fixture
def hostile(tmp_path, monkeypatch):
    """A model with code in it, and the file that shows whether the code has run."""
    monkeypatch.chdir(tmp_path)
    ran = tmp_path / "ran"
    layer = layers.Lambda(lambda x: (open("ran", "w").close(), x)[1], output_shape=(10,))
    images = keras.Input((8, 8, 1))
    model = keras.Model(images, layer(layers.Dense(10)(layers.Flatten()(images))))
    model.save(tmp_path / "model.keras")
    ran.unlink(missing_ok=True)  # Keras has called it to know the shape.
    return tmp_path / "model.keras", ran


def test_a_model_with_code_in_it_is_refused(hostile, tmp_path):
    path, ran = hostile
    arguments = [f"--checkpoint=a={path}"]
    message_of(measure, "sharpness.py", tmp_path / "refused", "workdir", arguments)
    with pytest.raises(ValueError, match="safe_mode"):
        load_weights(models.convnet((8, 8, 1), 10), path)
    assert not ran.exists()


class Order:
    """Whoever loads its pickle makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_an_archive_with_a_pickle_in_it_is_refused(tmp_path):
    ran = tmp_path / "ran"
    order = np.array([Order(ran)], dtype=object)
    np.savez(tmp_path / "cifar10_train.npz", y=order, tile00=order)
    np.savez(tmp_path / "cifar10_test.npz", y=order, tile00=order)
    np.savez(tmp_path / "landscape.npz", axis_names=order, losses=order, steps=order)
    for load in (
        lambda: datasets.get("cifar10", tmp_path),
        lambda: Landscape.load(tmp_path / "landscape.npz"),
        lambda: load_weights(models.convnet((8, 8, 1), 10), tmp_path / "landscape.npz"),
    ):
        with pytest.raises(ValueError):
            load()
    assert not ran.exists()


def test_words_of_a_run_are_no_marks_of_a_page(tmp_path):
    """Of settings, errors, and the command line that a work directory keeps."""
    script, fence = "<script>alert(1)</script>", "python a '````' \x0b````\x0b# b " + "`" * 5
    run = make_run(tmp_path, 60, model=script, dataset="[a](b) |c| `d`", finished=False)
    (run / "error.txt").write_text(f"ValueError: {script} **a**\n")
    make_run(tmp_path, 60, 1, model=script, dataset="[a](b) |c| `d`")
    (tmp_path / "table.txt").write_text(f"{fence} {script}\n\ntable\n")
    write_report(f"--runs={tmp_path}", f"--output={tmp_path / 'page'}")
    page = (tmp_path / "page" / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page and page.count("&lt;script&gt;") > 3
    text = (tmp_path / "page" / "report.md").read_text(encoding="utf-8")
    prose, (opening, code, closing) = text.rsplit("Made by:\n\n", 1)[0], _block(text)
    assert not re.search(r"(?<!\\)<(?!br>)|(?<!\\)`|\[a\]\(", prose)
    assert opening == closing and set(opening) == {"`"} and opening not in code
    assert len(code.splitlines()) == 1


def _block(text):
    """The block of code at the end: its opening, what is in it, and its closing."""
    lines = text.rsplit("Made by:\n\n", 1)[1].rstrip("\n").split("\n")
    return lines[0], "\n".join(lines[1:-1]), lines[-1]
