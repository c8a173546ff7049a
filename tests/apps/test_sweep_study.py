"""The trials of a sweep: shared by processes, put back when one is killed, found where runs are."""

import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

from keras_sam.experiments.results.files import RunError
from keras_sam.experiments.results.folder import RunFolder
from keras_sam.experiments.sweep import database as databases
from keras_sam.experiments.sweep.journal import JOURNAL
from keras_sam.experiments.sweep.kept import point_of
from keras_sam.experiments.sweep.points import Point, corners, named, space
from keras_sam.experiments.sweep.storage import kept_in
from keras_sam.experiments.sweep.study import Study
from keras_sam.experiments.training import comparison
from tests import one_backend

from .test_sweep import BEST, listed_trainings, result, run  # noqa: F401  (A fixture.)

GRID = space(["rho=0.1,0.2,0.3"], [], bool)
RANGE = space(
    ["augment=none;basic,cutout"],
    ["rho=0.01:0.9:log", "batch_size=8:64"],
    {"batch_size"}.__contains__,
)


class Killed(BaseException):
    """Ends a process where it stands, as far as its trials can tell."""


def study(workdir, tuner="grid", found=GRID, count=3, url=None):
    first = corners(found) if tuner == "grid" else []
    return Study(kept_in(workdir, url), "a search", found, tuner, count, first)


def label(point):
    return point.label


def score(point):
    """The higher the nearer to the best."""
    return -abs(math.log(float(point.values["rho"]) / BEST))


def test_each_of_two_processes_has_points_of_its_own(tmp_path):
    here, there = [], []

    def slow(point):
        here.append(point)
        if len(here) == 1:  # Another process works on the sweep, from beginning to end.
            study(tmp_path).measure(lambda other: there.append(other) or 0.0)
        return 0.0

    study(tmp_path).measure(slow)
    assert here == corners(GRID)[:1] and there == corners(GRID)[1:]


@pytest.mark.parametrize("tuner, found", [("grid", GRID), ("random", RANGE), ("bayesian", RANGE)])
def test_a_killed_trial_goes_back_in_the_queue(tmp_path, tuner, found):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    study(whole, tuner, found, 9).measure(score)
    measured = []

    def killed(point):
        measured.append(point)
        if len(measured) == 2:
            raise Killed
        return score(point)

    with pytest.raises(Killed):
        study(parts, tuner, found, 9).measure(killed)
    del measured[1]
    again = study(parts, tuner, found, 9)
    again.measure(lambda point: measured.append(point) or score(point))
    assert again.points == study(whole, tuner, found, 9).points
    assert sorted(measured, key=label) == sorted(again.points, key=label)
    assert len(measured) == (3 if tuner == "grid" else 9)


def test_half_a_line_of_a_full_disk_is_mended(tmp_path):
    study(tmp_path).measure(score)
    with open(tmp_path / JOURNAL, "a") as journal:
        journal.write('{"op_code":6,"wor')
    measured = []
    study(tmp_path).measure(measured.append)
    assert study(tmp_path).points == corners(GRID) and not measured


def test_a_search_ends_where_there_is_nothing_new(tmp_path):
    few = space(["rho=0.1,0.2"], [], bool)
    small = study(tmp_path, "random", few, count=9)
    small.measure(score)
    assert sorted(small.points, key=lambda point: point.order) == corners(few)


def test_folders_lead_back_to_points():
    points = [Point({"augment": "basic,cutout", "rho": "0.0123", "batch_size": "32"})]
    points += corners(RANGE)
    assert [named(point.folder, RANGE) for point in points] == points
    for other in ("rho=0.0123", "augment=none,rho=7,batch_size=32", "augment=none,rho=x"):
        assert named(other, RANGE) is None


@pytest.mark.parametrize("search", ["--grid=rho=0.1,0.2", "--range=rho=0.01:0.9:log"])
def test_runs_from_before_the_journal_are_not_trained_again(trained, tmp_path, search):
    tuner = ["--tuner=random", "--trials=2"] if "range" in search else []
    arguments = (tmp_path, search, *tuner, "--final_seeds=5")
    run(*arguments)
    before, count = result(tmp_path), len(trained)
    (tmp_path / JOURNAL).unlink()
    run(*arguments, "--resume")
    after = result(tmp_path)
    assert len(trained) == count and after["chosen"] == before["chosen"]
    assert sorted(map(str, after["points"])) == sorted(map(str, before["points"]))


def test_new_seeds_values_and_failed_runs_are_trained_on_resume(trained, tmp_path):
    run(tmp_path, "--grid=rho=0.1", "--sweep_seeds=0", "--final_seeds=")
    own = ("--grid=rho=0.1,0.2", "--sweep_seeds=0,1", "--final_seeds=", "--resume")
    run(tmp_path, *own)
    assert [(s["rho"], s["seed"]) for s in trained] == [(0.1, 0), (0.1, 1), (0.2, 0), (0.2, 1)]
    failed = tmp_path / "points" / "rho=0.2" / "sam" / "seed_1"
    (failed / "model.keras").unlink()
    (failed / "error.txt").write_text("An error")
    run(tmp_path, *own)
    assert len(trained) == 5 and result(tmp_path)["chosen"] == {"rho": "0.2"}


STOPS = """
import os, time
from unittest import mock
from keras_sam.experiments.sweep import database
from tests.apps import test_sweep

def train(folder, *given):
    if folder.settings["rho"] == 0.2 and folder.settings["seed"] == 1:
        folder.begin()
        os.write(1, b"in a trial")
        time.sleep(600)
    test_sweep.train(folder)

database.HEARTBEAT, database.GRACE = %d, %d
training = "keras_sam.experiments.training.comparison"
with mock.patch(f"{training}.train", train), mock.patch(f"{training}._sum_up"):
    test_sweep.run(%r, *%r)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")
@pytest.mark.parametrize("database", [False, True], ids=["journal", "sqlite"])
def test_a_killed_process_costs_no_finished_run(trained, tmp_path, monkeypatch, database):
    """Another process measures beside it what is left, and its trial once it is killed."""
    signs = 1, 2  # Seconds; SQLite's clock has no fractions.
    monkeypatch.setattr(databases, "HEARTBEAT", signs[0])
    monkeypatch.setattr(databases, "GRACE", signs[1])
    monkeypatch.setattr("keras_sam.experiments.sweep.study.PATIENCE", 0.2)
    url = f"sqlite:///{tmp_path / 'study.db'}"
    own = ["--grid=rho=0.05,0.2,0.5", "--final_seeds=", *[f"--storage={url}"] * database]
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", STOPS % (*signs, str(killed), own)]
    in_root = {"cwd": root, "env": one_backend.environment()}
    with subprocess.Popen(command, stdout=subprocess.PIPE, **in_root) as process:
        assert process.stdout.read(10) == b"in a trial"
        train = comparison.train

        def after_the_kill(*given):
            process.kill()
            process.wait()
            train(*given)

        monkeypatch.setattr(comparison, "train", after_the_kill)
        try:
            run(killed, *own, "--resume")
        finally:
            process.kill()
    assert [(s["rho"], s["seed"]) for s in trained] == [(0.5, 0), (0.5, 1), (0.2, 1)]
    kept = kept_in(killed, url if database else None)
    trials = kept.study(f"--tuner=grid {own[0]}").get_trials()
    ended = [(point_of(trial).values["rho"], trial.state.name) for trial in trials]
    assert ended == [
        *[("0.05", "COMPLETE"), ("0.2", "FAIL"), ("0.5", "COMPLETE"), ("0.2", "COMPLETE")]
    ]
    run(whole, *own)
    assert result(killed)["points"] == result(whole)["points"]
    assert result(killed)["chosen"] == {"rho": "0.2"}


def test_runs_of_a_point_are_shared_when_no_point_is_left(trained, tmp_path):
    folder = tmp_path / "points" / "rho=0.2" / "sam" / "seed_0"
    with RunFolder(folder, {}).claimed() as is_ours, pytest.raises(SystemExit) as caught:
        assert is_ours
        run(tmp_path, "--grid=rho=0.2", "--final_seeds=")
    assert re.search("Other processes still train.*--resume.*rho=0.2$", caught.value.code)
    assert [s["seed"] for s in trained] == [1]
    run(tmp_path, "--grid=rho=0.2", "--final_seeds=", "--resume")
    assert [s["seed"] for s in trained] == [1, 0]


@pytest.mark.parametrize("line", [b"\xff\xfe\n", b"[1]\n", b"{}\n", b'{"op_code": "x"}\n'])
def test_a_damaged_journal_is_named(tmp_path, line):
    (tmp_path / "study.log").write_bytes(line)
    with pytest.raises(RunError, match=r"study\.log must hold .* delete .* Received: "):
        study(tmp_path)
