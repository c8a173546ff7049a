"""The engine of Ray: its workers share a sweep, and one that is killed costs no run."""

import json
import os
import re
import signal
import subprocess
import sys
import types
from pathlib import Path

import pytest

from keras_sam.experiments import engine
from keras_sam.experiments.sweep.journal import Journal
from keras_sam.experiments.sweep.kept import point_of

from .conftest import TINY
from .test_sweep import run

ROOT = Path(__file__).parents[2]
GRID = "--grid=rho=0.05,0.1,0.2"


def test_a_worker_goes_on_with_what_the_command_has_begun():
    argv = ["sweep.py", "--overwrite", GRID, "--", "--method=sam"]
    assert engine._of_worker(argv) == ["sweep.py", GRID, "--resume", "--", "--method=sam"]
    assert engine._of_worker(["reproduce.py"]) == ["reproduce.py", "--resume"]


def test_ray_that_is_not_installed_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SystemExit, match=r"needs ray.*pip install keras-sam\[ray\]"):
        run(tmp_path / "sweep", GRID, "--engine=ray", app=["--method=sam"])


def test_a_cluster_that_does_not_answer_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", types.ModuleType("ray"))
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(SystemExit, match=r"host:port of a cluster.*Received: RAY_ADDRESS=127"):
        run(tmp_path / "sweep", GRID, "--engine=ray", app=["--method=sam"])


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")
def test_a_killed_worker_costs_no_run(tmp_path):
    pytest.importorskip("ray", reason="is the extra `ray`")
    own = ["--engine=ray", "--workers=2", GRID, "--sweep_seeds=0", "--final_seeds=5"]
    app = [*TINY, "--method=sam", "--epochs=6"]
    command = [sys.executable, "apps/sweep.py", *own, f"--workdir={tmp_path}", "--", *app]
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}"}
    environment |= {"RAY_DEDUP_LOGS": "0"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, cwd=ROOT, env=environment, **pipes) as process:
        killed, lines = None, []
        for line in process.stdout:
            lines.append(line)
            begun = re.search(r"pid=(\d+)\S* \[\d/3\] rho=\S+ …", line)
            if begun and killed is None:
                killed = int(begun[1])
                os.kill(killed, signal.SIGKILL)
    printed = "".join(lines)
    assert process.returncode == 0 and killed, printed
    trials = Journal(tmp_path).study(f"--tuner=grid {GRID}").get_trials()
    states = [(point_of(trial).values["rho"], trial.state.name) for trial in trials]
    assert sorted(rho for rho, state in states if state == "COMPLETE") == ["0.05", "0.1", "0.2"]
    assert [state for _, state in states if state != "COMPLETE"] == ["FAIL"], states
    found = json.loads((tmp_path / "sweep.json").read_text())
    assert [len(point["accuracies"]) for point in found["points"]] == [1, 1, 1]
    assert len(found["final"]["accuracies"]) == 1
