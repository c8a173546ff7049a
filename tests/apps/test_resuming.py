"""How the app goes on after a stop, and what it keeps from being written over."""

import json
import os
import re

import numpy as np
import pytest

from keras_sam.experiments.results.folder import RunFolder
from keras_sam.experiments.results.workdir import OWN_SETTINGS

from .conftest import TIMES, metrics, start, stop_after_first_epoch, weights

LEFT = ("environment.jsonl", "lock", "settings.json")  # By a process that was stopped at once.


def test_resume_skips_finished_runs_and_adds_new_ones(compared, tmp_path):
    workdir = tmp_path / "copy"
    workdir.mkdir()
    for path in compared[0].glob("*/seed_0/*"):
        target = workdir / path.relative_to(compared[0])
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    before = {path: path.stat().st_mtime_ns for path in workdir.glob("*/seed_0/*")}
    printed = start(
        "--compare=sgd,sam:0.3,sam:0.1", "--seeds=0", f"--workdir={workdir}", "--resume"
    )
    assert printed.count("finished before") == 2
    assert len(re.findall(r"^(?:sgd|sam, rho 0\.[13]) +\d", printed, re.MULTILINE)) == 3
    assert before == {path: path.stat().st_mtime_ns for path in before}
    assert (workdir / "sam_rho_0.1" / "seed_0" / "model.keras").is_file()


@pytest.mark.parametrize("where", ["complete_epoch", "restore"])
@pytest.mark.parametrize("method", ["sgd", "sam_rho_0.3"])
def test_resumed_run_equals_the_unbroken_one(compared, tmp_path, monkeypatch, method, where):
    arguments = (f"--compare={method.replace('_rho_', ':')}", f"--workdir={tmp_path}")
    with monkeypatch.context() as patch, pytest.raises(SystemExit, match="130"):
        _stop(patch, where)
        start(*arguments)
    folder = tmp_path / method / "seed_0"
    kept = {"epoch_00001.weights.h5", "metrics.jsonl"} if where == "complete_epoch" else set()
    assert {path.name for path in folder.iterdir()} == kept | {*LEFT}
    assert not kept or len(metrics(folder)) == 2
    printed = start(*arguments, "--resume")
    assert ("going on after epoch 1 of 3" in printed) is bool(kept)
    assert len((folder / "environment.jsonl").read_text().splitlines()) == 2
    unbroken = compared[0] / method / "seed_0"
    # A stop changes nothing but the time.
    assert metrics(folder, but=TIMES) == metrics(unbroken, but=TIMES)
    for ours, theirs in zip(weights(folder), weights(unbroken), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def _stop(patch, where):
    """Interrupts the run before its first epoch, or while its second is being kept."""
    original = getattr(RunFolder, where)

    def stopped(folder, model, *line):
        if where == "complete_epoch" and line[0]["epoch"] == 1:
            return original(folder, model, *line)
        if where == "complete_epoch":  # The line is there already, the checkpoint is not.
            patch.setattr(model, "save_weights", _interrupt)
            return original(folder, model, *line)
        return _interrupt()

    patch.setattr(RunFolder, where, stopped)


def _interrupt(*arguments):
    raise KeyboardInterrupt


def test_other_settings_are_named(compared):
    workdir, _ = compared
    with pytest.raises(SystemExit) as caught:
        start("--compare=sgd,sam:0.3", f"--workdir={workdir}", "--resume", "--epochs=4")
    message = caught.value.code
    assert "epochs=4 instead of 3" in message and str(workdir) in message
    assert "\n" not in message and "batch_size" not in message


def test_another_method_must_share_the_settings_of_the_work_directory(compared):
    with pytest.raises(SystemExit, match=r"label_noise=0\.2 instead of 0\.0"):
        start("--method=asam", f"--workdir={compared[0]}", "--resume", "--label_noise=0.2")


def test_results_are_not_written_over(compared):
    with pytest.raises(SystemExit, match=r"--resume .* --overwrite .*Received: --workdir="):
        start("--compare=sgd,sam:0.3", "--seeds=0,1", f"--workdir={compared[0]}")


def test_overwrite_removes_runs_and_nothing_else(tmp_path):
    old = tmp_path / "asam" / "seed_7"
    old.mkdir(parents=True)
    settings = dict.fromkeys(OWN_SETTINGS) | {"method": "asam", "seed": 7}
    (old / "settings.json").write_text(json.dumps(settings))
    (tmp_path / "notes.txt").write_text("mine")
    printed = start("--method=sgd", f"--workdir={tmp_path}", "--overwrite", "--epochs=1")
    assert "finished before" not in printed
    assert os.listdir(old) == ["lock"] and (tmp_path / "notes.txt").read_text() == "mine"


def test_what_a_stop_left_of_a_finished_run_is_removed(tmp_path):
    start("--method=sgd", "--epochs=1", f"--workdir={tmp_path}")
    folder = tmp_path / "sgd" / "seed_0"
    before = sorted(os.listdir(folder))
    for name in ("epoch_00001.weights.h5", "unfinished_model.keras"):
        (folder / name).write_text("killed before it was removed")
    again = start("--method=sgd", "--epochs=1", f"--workdir={tmp_path}", "--resume")
    assert "finished before" in again and sorted(os.listdir(folder)) == before


def test_a_diverged_run_trains_no_further(tmp_path, monkeypatch):
    """Stopped as soon as its last epoch is kept."""
    arguments = ("--compare=sam:3e38", f"--workdir={tmp_path}")
    with monkeypatch.context() as patch, pytest.raises(SystemExit, match="130"):
        stop_after_first_epoch(patch)
        start(*arguments)
    assert "diverged in epoch 1: the loss is not finite" in start(*arguments, "--resume")
    assert len(metrics(tmp_path / "sam_rho_3e+38" / "seed_0")) == 1
