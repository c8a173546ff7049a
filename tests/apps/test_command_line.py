"""The app as a command: its help, its errors, and what one process leaves for the next."""

import os
import re
import runpy
import subprocess
import sys
import types

import keras
import pytest

from keras_sam.experiments.flags import command_line
from tests import one_backend

from .conftest import APPS, TINY


def command(*arguments, app="train_resnet", **environment):
    script = [sys.executable, str(APPS / f"{app}.py")]
    return subprocess.run(
        [*script, *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        env=one_backend.environment(**environment),
    )


@pytest.fixture
def within(monkeypatch, capsys):
    """Runs an app as a command within this process, which has imported what it imports."""

    def run(*arguments, app="train_resnet"):
        script = str(APPS / f"{app}.py")
        monkeypatch.setattr(sys, "argv", [script, *arguments])
        monkeypatch.setitem(sys.modules, "starting", types.ModuleType("starting"))  # No signals.
        with pytest.raises(SystemExit) as caught:
            runpy.run_path(script, run_name="__main__")
        shown, code = capsys.readouterr(), caught.value.code
        if isinstance(code, str):  # Python prints it and ends with 1.
            return subprocess.CompletedProcess(script, 1, shown.out, f"{shown.err}{code}\n")
        return subprocess.CompletedProcess(script, code or 0, shown.out, shown.err)

    return run


HELP = {
    "train_resnet": ("--compare", "--num_batch_splits", "--[no]resume", "--method_arguments"),
    "train_text": ("--plain_epochs", "--compare"),
    "adapt": ("--turns", "--keep", "--seeds"),
    "finetune_efficientnet": ("--weights", "--compare", "--steps", "--[no]freeze_batch_norm"),
    "sharpness": ("--checkpoint", "--measure", "--[no]logits", "--reach"),
}


@pytest.mark.parametrize("app", HELP)
def test_help_teaches(app, within):
    shown = within("--help", app=app)
    assert shown.returncode == 0 and shown.stdout.index(f"python apps/{app}.py --") < 200
    for flag in HELP[app]:
        assert re.search(rf"^ +{re.escape(flag)}:", shown.stdout, re.MULTILINE), flag
    assert "keras_sam.experiments" not in shown.stdout  # Groups of flags go by what they are about.
    expected = {"train_resnet": "(default: '60')", "sharpness": "settings.json"}
    expected |= {"train_text": "Presets:\n  docstrings  ", "adapt": "results.jsonl"}
    assert expected.get(app, "Presets:\n  e3_b7_aircraft  ") in shown.stdout


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--epohcs=3"], "Did you mean: epochs"),
        (["--epochs=many"], "--epochs=many"),
        (["epochs=3"], "two dashes.*Received: epochs=3"),
    ],
)
def test_mistyped_command_ends_in_one_line(arguments, message, within):
    ended = within(*arguments)
    assert ended.returncode == 1 and not ended.stdout
    assert ended.stderr.count("\n") == 1 and re.search(message, ended.stderr)


def test_wrong_value_ends_in_one_line():
    ended = command("--dataset=cifar10", "--data_dir=nowhere")
    assert ended.returncode == 1 and not ended.stdout
    # TensorFlow has more to say while it is imported.
    last = ended.stderr.splitlines()[-1]
    assert last.startswith("train_resnet.py: cifar10 is read from a folder that holds ")
    assert "Traceback" not in ended.stderr


def test_missing_backend_is_explained(tmp_path):
    (tmp_path / "jax.py").write_text("raise ModuleNotFoundError('No jax', name='jax')")
    path = f"{tmp_path}{os.pathsep}{APPS.parent}"
    ended = command(KERAS_BACKEND="jax", PYTHONPATH=path)
    assert ended.returncode == 1 and "Traceback" not in ended.stderr
    assert "with the variable KERAS_BACKEND. Received: No jax" in ended.stderr.splitlines()[-1]


def test_missing_package_is_explained():
    missing = ModuleNotFoundError("No filelock", name="filelock")
    with pytest.raises(SystemExit, match=r"install keras-sam\[apps\]`. Received: No filelock$"):
        command_line.fail(["train_resnet.py"], missing)


def test_a_reader_that_has_seen_enough_is_no_error(monkeypatch, capsys):
    closed = []
    monkeypatch.setattr(command_line.os, "dup2", lambda *given: closed.append(given))
    monkeypatch.setattr(sys.stdout, "fileno", lambda: 1)
    with pytest.raises(SystemExit) as caught:
        command_line.fail(["reproduce.py"], BrokenPipeError(32, "Broken pipe"))
    assert caught.value.code == 141 and [place for _, place in closed] == [1]
    assert capsys.readouterr() == ("", "")


@pytest.mark.everywhere
@pytest.mark.skipif(keras.backend.backend() != "jax", reason="Only JAX keeps what it compiles.")
def test_another_seed_compiles_nothing(tmp_path):
    always = {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}  # Also what a fast machine makes.
    ended = command(*TINY, "--epochs=1", "--seeds=0,1", f"--workdir={tmp_path}", **always)
    assert ended.returncode == 0, ended.stderr
    steps = list((tmp_path / ".jax_cache").glob("jit_train_step-*-cache"))
    assert len(steps) == 1


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="Only JAX keeps what it compiles.")
def test_the_users_folder_of_compiled_code_is_used(tmp_path, monkeypatch):
    import jax

    before = jax.config.jax_compilation_cache_dir
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "mine")
    monkeypatch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "1")
    command_line.keep_compiled(tmp_path)
    assert jax.config.jax_compilation_cache_dir == before
