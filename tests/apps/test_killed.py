"""Runs that are killed, share their work with other processes, or find the disk full."""

import errno
import os
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
from keras import layers

from keras_sam.experiments.presets import smoke
from keras_sam.experiments.training import building
from tests import one_backend

from .conftest import APPS, TIMES, TINY, metrics, start, stop_after_first_epoch, weights


def process(*arguments):
    """Starts the app in a process of its own."""
    script = [sys.executable, str(APPS / "train_resnet.py"), *TINY, *arguments]
    quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(script, env=one_backend.environment(), **quiet)


def assert_same_run(folder, unbroken):
    assert metrics(folder, but=TIMES) == metrics(unbroken, but=TIMES)
    for ours, theirs in zip(weights(folder), weights(unbroken), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_kill_9_changes_nothing_of_the_result(tmp_path):
    # The method draws random numbers, and the augmentation does.
    arguments = ("--method=random_sam", "--augment=basic", "--epochs=6")
    start(*arguments, f"--workdir={tmp_path / 'unbroken'}")
    folder = tmp_path / "killed" / "random_sam" / "seed_0"
    running = process(*arguments, f"--workdir={tmp_path / 'killed'}")
    while running.poll() is None and not list(folder.glob("epoch_*")):
        time.sleep(0.002)
    os.kill(running.pid, signal.SIGKILL)
    running.communicate()
    assert running.returncode == -signal.SIGKILL
    assert not (folder / "model.keras").exists()
    (folder / "unfinished_epoch_00009.weights.h5").write_text("half")
    start(*arguments, f"--workdir={tmp_path / 'killed'}", "--resume")
    assert_same_run(folder, tmp_path / "unbroken" / "random_sam" / "seed_0")
    assert sorted(path.name for path in folder.iterdir()) == [
        "environment.jsonl",
        "lock",
        "metrics.jsonl",
        "model.keras",
        "settings.json",
    ]


def test_processes_share_the_runs(tmp_path):
    arguments = ("--method=sgd", "--seeds=0,1,2,3", "--resume", f"--workdir={tmp_path}")
    other = process(*arguments)
    while other.poll() is None and not list(tmp_path.glob("sgd/seed_*/lock")):
        time.sleep(0.002)
    printed = [start(*arguments), other.communicate(timeout=250)[0]]
    assert other.returncode == 0, printed
    lines = [line for text in printed for line in text.splitlines()]
    for seed in range(4):
        ends = [line for line in lines if f"sgd, seed {seed}: " in line]
        assert len(ends) == 2  # Each process says what it has of the run.
        assert (
            sum(" of the test images in " in line for line in ends) == 1
        )  # One of them has trained it.
        assert len(metrics(tmp_path / "sgd" / f"seed_{seed}")) == 3


@pytest.mark.parametrize(
    "model", ["shake_shake", pytest.param("dropout", marks=pytest.mark.everywhere)]
)
def test_random_layers_go_on_as_if_never_stopped(tmp_path, monkeypatch, model):
    """Their random numbers depend on the seed and the epoch alone."""
    preset = {"shake_shake": "shake_shake26_2x96d"}
    if model == "dropout":
        monkeypatch.setattr(building, "base_model", _with_dropout)
    arguments = [f"--model={preset[model]}" if model in preset else "--model=convnet"]
    arguments += ["--method=sam", "--smoke"]
    monkeypatch.setitem(smoke.SIZES, "epochs", 2)
    start(*arguments, f"--workdir={tmp_path / 'unbroken'}")
    with monkeypatch.context() as patch, pytest.raises(SystemExit, match="130"):
        stop_after_first_epoch(patch)
        start(*arguments, f"--workdir={tmp_path / 'stopped'}")
    keras.utils.set_random_seed(77)  # As another process would have drawn other numbers.
    start(*arguments, f"--workdir={tmp_path / 'stopped'}", "--resume")
    assert_same_run(*(tmp_path / name / "sam" / "seed_0" for name in ("stopped", "unbroken")))


def _with_dropout(settings, dataset):
    dropped = [layers.Flatten(), layers.Dropout(0.5), layers.Dense(dataset.num_classes)]
    model = keras.Sequential([keras.Input(dataset.input_shape), *dropped])
    return keras.Model(model.inputs, model.outputs)


@pytest.mark.parametrize("file", ["settings.json", "metrics.jsonl", "epoch_00002", "model.keras"])
def test_no_space_left(tmp_path, monkeypatch, file):
    replace = os.replace

    def full(source, target):
        if file in str(target):
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(SystemExit) as caught:
        start("--compare=sgd,sam", f"--workdir={tmp_path}")
    message = caught.value.code
    assert "\n" not in message and message.startswith("train_resnet.py: ")
    assert "No space left on device" in message and "--resume" in message
    kept = [path.name for path in tmp_path.rglob("*") if ".jax_cache" not in path.parts]
    assert not [name for name in kept if name.startswith(("unfinished_", file))]
    assert not (tmp_path / "sam").exists()  # Nor is anything else tried.
