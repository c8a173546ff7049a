"""Ctrl-C and SIGTERM end an app in one line, with a shell's exit code, and lose nothing."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from keras_sam.experiments import stopping
from keras_sam.experiments.results.folder import RunFolder
from tests import one_backend

from .conftest import APPS, start
from .test_killed import assert_same_run, process

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
# Without the rest of the package, which takes seconds to import.
SLOW = """
import importlib.util, sys, time, types
experiments = sys.modules["keras_sam.experiments"] = types.ModuleType("experiments")
experiments.launch = types.SimpleNamespace(follows=lambda: False)
sys.modules["keras_sam"] = types.ModuleType("keras_sam")
spec = importlib.util.spec_from_file_location("stopping", sys.argv[1])
stopping = importlib.util.module_from_spec(spec)
spec.loader.exec_module(stopping)
stopping.GRACE = float(sys.argv[2])
with stopping.listening("app.py", "Stopped."), stopping.after_step():
    print("ready", flush=True)
    time.sleep(60)
"""


def stop_in_first_epoch(patch, number):
    """Sends this process a signal while it is about to keep its first epoch."""
    original = RunFolder.complete_epoch

    def stopped(folder, model, line):
        signal.raise_signal(number)
        original(folder, model, line)

    patch.setattr(RunFolder, "complete_epoch", stopped)


@pytest.mark.parametrize("number", CODES)
def test_a_training_ends_after_the_step(number, tmp_path, monkeypatch, compared, capsys):
    folder = tmp_path / "sgd" / "seed_0"
    with monkeypatch.context() as patch, pytest.raises(SystemExit) as caught:
        stop_in_first_epoch(patch, number)
        start("--compare=sgd,sam", f"--workdir={tmp_path}")
    assert caught.value.code == CODES[number]
    line = "Stopped. The same command with --resume goes on from the last whole epoch."
    assert capsys.readouterr().err.endswith(f"train_resnet.py: {line}\n")
    assert (folder / "epoch_00001.weights.h5").is_file()  # What was under way is whole.
    assert not (tmp_path / "sam").exists() and not (folder / "error.txt").exists()
    start("--compare=sgd", f"--workdir={tmp_path}", "--resume")
    assert_same_run(folder, compared[0] / "sgd" / "seed_0")


def test_ctrl_c_while_python_still_imports():
    running = process("--method=sgd")
    time.sleep(0.5)  # A backend takes seconds.
    os.kill(running.pid, signal.SIGINT)
    printed, _ = running.communicate(timeout=60)
    assert running.returncode == 130
    assert printed.endswith("train_resnet.py: Stopped before it began.\n")


@pytest.mark.parametrize("app", sorted(path.stem for path in APPS.glob("*.py")))
def test_every_app_takes_care_of_signals_first(app):
    lines = (APPS / f"{app}.py").read_text().splitlines()
    imports = [line for line in lines if line.startswith(("import ", "from "))]
    assert app == "starting" or imports[1].startswith("import starting ")


@pytest.mark.parametrize("grace, signals", [(0.1, 1), (60, 2)])
def test_a_step_that_does_not_end_is_left(grace, signals):
    """After a while, or when a second signal comes."""
    path = stopping.__file__
    command = [sys.executable, "-c", SLOW, path, str(grace)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    running = subprocess.Popen(command, env=one_backend.environment(), **pipes)
    assert running.stdout.readline() == "ready\n"
    for _ in range(signals):
        running.send_signal(signal.SIGTERM)
        time.sleep(0.1)
    _, printed = running.communicate(timeout=30)
    # TensorFlow may have a word of its own before.
    assert running.returncode == 143 and printed.endswith("app.py: Stopped.\n")


@pytest.mark.parametrize("number", CODES)
def test_a_signal_is_known_whatever_others_make_of_it(number, capsys):
    """XLA answers an interrupt in a callback with an error of its own."""
    with pytest.raises(SystemExit) as caught, stopping.listening("app.py", "Stopped."):
        try:
            signal.raise_signal(number)
        except KeyboardInterrupt:
            raise RuntimeError("INTERNAL: error in a callback") from None
    assert caught.value.code == CODES[number]
    assert capsys.readouterr().err == "app.py: Stopped.\n"


def test_nothing_is_left_of_listening():
    before = [signal.getsignal(number) for number in CODES], threading.active_count()
    with stopping.listening("app.py", "Stopped."):
        pass
    assert before == ([signal.getsignal(number) for number in CODES], threading.active_count())
    stopping.check()
    with pytest.raises(KeyError), stopping.listening("app.py", "Stopped."):
        raise KeyError("an error is none of its business")


def test_what_a_shell_ignores_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stopping.listening("app.py", "Stopped."):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_thread_does_not_listen():
    def work():
        with stopping.listening("app.py", "Stopped."):
            done.append(True)

    done = []
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done
