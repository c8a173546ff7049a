"""Runs an app inside the test process, as its command line would."""

import contextlib
import io
import json
import os
from pathlib import Path
from unittest import mock

import keras
import pytest
from matplotlib.figure import Figure

from keras_sam.experiments.flags import command_line, train_resnet
from keras_sam.experiments.report import figures as drawing
from keras_sam.experiments.results.folder import RunFolder

APPS = Path(__file__).parents[2] / "apps"

TIMES = ("seconds", "train_seconds")  # Of the metrics: a stop changes nothing else.
TINY = (
    "--model=convnet",
    "--dataset=digits",
    "--num_train=256",
    "--num_test=50",
    "--batch_size=32",
    "--epochs=3",
    "--verbose=0",
)


def start(*arguments, app=train_resnet, first=TINY, draws=False):
    """Starts an app with the tiny settings, or others, and more; returns what it printed.

    Its figures are empty unless a test wants to look at them: to draw one takes as long as an
    epoch.
    """
    script = f"{app.__name__.rpartition('.')[-1]}.py"
    undrawn = mock.patch.object(Figure, "savefig", lambda _, path, **options: path.touch())
    with quietly() as printed, contextlib.nullcontext() if draws else undrawn:
        command_line.train(app.FLAGS, [script, *first, *arguments], "What the app does.")
    return printed.getvalue()


@contextlib.contextmanager
def quietly():
    """Collects what is printed; other tests see nothing of what an app sets in its process."""
    printed, compiled = io.StringIO(), mock.patch.object(command_line, "keep_compiled")
    with mock.patch.dict(os.environ), compiled, contextlib.redirect_stdout(printed):
        yield printed


def metrics(folder, but=()):
    """The metrics of a run, a dictionary an epoch, without some of them."""
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in but} for line in lines]


def weights(folder):
    """The weights of a run's trained model."""
    return keras.models.load_model(folder / "model.keras").get_weights()


def stop_after_first_epoch(patch):
    """Interrupts the run as soon as its first epoch is kept."""
    stop_after_epoch(patch, 1)


def stop_after_epoch(patch, epoch):
    """Interrupts the run as soon as an epoch is kept."""
    original = RunFolder.complete_epoch

    def stopped(folder, model, line):
        original(folder, model, line)
        if line["epoch"] == epoch:
            raise KeyboardInterrupt

    patch.setattr(RunFolder, "complete_epoch", stopped)


@pytest.fixture(scope="session")
def compared(tmp_path_factory):
    """A work directory in which two methods were compared on two seeds, and the output."""
    workdir = tmp_path_factory.mktemp("compared")
    options = ("--compare=sgd,sam:0.3", "--seeds=0,1", f"--workdir={workdir}")
    return workdir, start(*options, draws=True)


@pytest.fixture
def refusal(tmp_path):
    """Starts the app with arguments that it must refuse; returns its message."""

    folder = tmp_path / "refused"
    return lambda *arguments: message_of(start, "train_resnet.py", folder, "workdir", arguments)


def message_of(run, name, folder, flag, arguments):
    """The line with which an app refuses its arguments, before it writes anything to a folder."""
    with pytest.raises(SystemExit) as caught:
        run(f"--{flag}={folder}", *arguments)
    message = caught.value.code
    assert isinstance(message, str)  # Python prints it and exits with 1.
    assert "\n" not in message and message.startswith(f"{name}: ")
    assert not folder.exists()
    return message


@pytest.fixture
def figures(monkeypatch):
    """The Matplotlib figures by their names, which are drawn meanwhile."""
    drawn = {}
    as_picture = drawing.as_picture

    def spy(figure, name, *texts):
        drawn[name] = figure
        return as_picture(figure, name, *texts)

    monkeypatch.setattr(drawing, "as_picture", spy)
    return drawn
