"""The sweep: what it tries, what it chooses, and what it trains then."""

import contextlib
import io
import json
import math
import os
import re
from unittest import mock

import pytest
from filelock import FileLock

from keras_sam.experiments.flags import sweep
from keras_sam.experiments.sweep.journal import TRIAL_LOCK
from keras_sam.experiments.sweep.points import Point
from keras_sam.experiments.training import comparison

from .conftest import TINY
from .reported import write_model

BEST = 0.2


def run(workdir, *own, app=("--method=sam",)):
    """Starts the sweep with the tiny settings of the app; returns what it printed."""
    printed = io.StringIO()
    argv = ["sweep.py", f"--workdir={workdir}", *own, "--", *TINY, *app]
    with mock.patch.dict(os.environ), contextlib.redirect_stdout(printed):
        sweep.start(argv, "What a sweep does.")
    return printed.getvalue()


def result(workdir):
    return json.loads((workdir / "sweep.json").read_text())


def train(folder, *given):
    """Takes the place of a training: a function of the settings."""
    settings = folder.settings
    folder.begin()
    accuracy = 0.9 - 0.1 * abs(math.log(settings["rho"] / BEST)) + 0.01 * settings["seed"]
    loss = math.nan if settings["rho"] > 1 else 0.5
    line = {"loss": loss, "accuracy": 0.5, "val_loss": loss, "seconds": 1.0, "train_seconds": 1.0}
    line["val_accuracy"] = min(max(accuracy, 0.0), 1.0)
    epochs = range(1, settings["epochs"] + 1)
    lines = [json.dumps(line | {"epoch": epoch}) for epoch in epochs]
    folder.metrics.write_text("\n".join(lines) + "\n")
    write_model(folder.model)


@pytest.fixture(name="trained")
def listed_trainings(monkeypatch):
    """Replaces the training; lists the settings it was given."""
    seen = []

    def listed(folder, dataset, *_):
        seen.append(folder.settings | {"num_images": len(dataset.y_train)})
        train(folder)

    monkeypatch.setattr(comparison, "train", listed)
    monkeypatch.setattr(comparison, "_sum_up", lambda *given: None)  # Figures take their time.
    return seen


def test_choice_on_held_out_images_then_fresh_seeds_on_all(trained, tmp_path):
    printed = run(tmp_path, "--grid=rho=0.05,0.2,0.8", "--holdout=0.25", "--final_seeds=7,8")
    tried, final = trained[:6], trained[6:]
    assert [(s["rho"], s["seed"]) for s in tried] == [
        (rho, seed) for rho in (0.05, 0.2, 0.8) for seed in (0, 1)
    ]
    assert {(s["holdout"], s["num_images"]) for s in tried} == {(0.25, 192)}
    assert [(s["rho"], s["seed"], s["holdout"], s["num_images"]) for s in final] == [
        (0.2, 7, 0.0, 256),
        (0.2, 8, 0.0, 256),
    ]
    found = result(tmp_path)
    assert found["chosen"] == {"rho": "0.2"}
    assert [point["mean"] for point in found["points"]] == pytest.approx(
        [90.5 - 10 * math.log(4), 90.5, 90.5 - 10 * math.log(4)]
    )
    assert found["points"][1]["deviation"] == pytest.approx(math.sqrt(0.5))
    assert found["final"]["accuracies"] == pytest.approx([97, 98])
    assert re.search(r"^0\.2 +90\.50 ± 6\.35 +chosen$", printed, re.MULTILINE)
    assert (tmp_path / "points" / "rho=0.05" / "sam" / "seed_1").is_dir()
    assert "[2/3] rho=0.2: 90.50 ± 6.35 % of the held-out images" in printed


def test_command_is_kept_without_paths_of_the_machine(trained, tmp_path):
    run(tmp_path, "--grid=rho=0.2", "--grid=batch_size=16,32", "--final_seeds=")
    command = (tmp_path / "sweep.txt").read_text().splitlines()[0]
    assert "apps/sweep.py --grid=rho=0.2 --grid=batch_size=16,32" in command
    assert " -- " in command and "--method=sam" in command.partition(" -- ")[2]
    assert str(tmp_path.parent) not in command
    assert not (tmp_path / "final").exists() and result(tmp_path)["final"] is None


def test_combinations_and_the_smaller_of_equal_points(trained, tmp_path):
    grids = ("--grid=learning_rate=0.1,0.05", "--grid=augment=none;basic,cutout")
    printed = run(tmp_path, *grids, "--final_seeds=", app=("--method=sam", "--rho=0.1"))
    points = [(p["learning_rate"], p["augment"]) for p in result(tmp_path)["points"]]
    assert points == [(rate, a) for rate in ("0.1", "0.05") for a in ("none", "basic,cutout")]
    assert trained[2]["augment"] == ["basic", "cutout"]
    assert "4 points are equal" in printed
    assert result(tmp_path)["chosen"] == {"learning_rate": "0.05", "augment": "basic,cutout"}


def test_a_diverged_point_is_marked_and_never_chosen(trained, tmp_path):
    printed = run(tmp_path, "--grid=rho=0.01,3", "--final_seeds=")
    assert re.search(r"^3 +- +diverged$", printed, re.MULTILINE)
    assert result(tmp_path)["chosen"] == {"rho": "0.01"}
    with pytest.raises(SystemExit, match=r"No point trained to its end.*rho=3$"):
        run(tmp_path / "none", "--grid=rho=3")


@pytest.mark.parametrize("stopped_after", [0, 3, 5])
def test_a_killed_sweep_repeats_no_finished_run(trained, tmp_path, monkeypatch, stopped_after):
    arguments = (tmp_path, "--grid=rho=0.1,0.2", "--final_seeds=5,6")
    complete = comparison.train

    def killed(*given):
        if len(trained) == stopped_after:
            raise KeyboardInterrupt
        complete(*given)

    with monkeypatch.context() as patch, pytest.raises(SystemExit, match="130"):
        patch.setattr(comparison, "train", killed)
        run(*arguments)
    run(*arguments, "--resume")
    assert len(trained) == 6
    assert result(tmp_path)["final"]["accuracies"] == pytest.approx([95, 96])
    run(*arguments, "--resume")
    assert len(trained) == 6
    run(*arguments, "--overwrite")
    assert len(trained) == 12


@pytest.mark.parametrize("tuner", ["random", "bayesian"])
def test_optuna_searches_a_range(trained, tmp_path, tuner):
    search = (f"--tuner={tuner}", "--range=rho=0.01:0.9:log", "--range=batch_size=8:64")
    arguments = (tmp_path, *search, "--trials=6", "--sweep_seeds=0", "--final_seeds=5")
    run(*arguments)
    found = [point["rho"] for point in result(tmp_path)["points"]]
    assert len(found) == 6 and len(trained) == 7
    assert all(0.01 <= s["rho"] <= 0.9 and 8 <= s["batch_size"] <= 64 for s in trained)
    nearest = min(found, key=lambda rho: abs(math.log(float(rho) / BEST)))
    assert result(tmp_path)["chosen"]["rho"] == nearest
    run(*arguments, "--resume")  # Asks for the same points.
    assert len(trained) == 7


def test_a_point_that_lags_behind_ends_early(tmp_path):
    grid = "--grid=learning_rate=0.1,0.09,0.08,0.000001"
    own = (tmp_path, grid, "--prune", "--sweep_seeds=0,1", "--final_seeds=")
    printed = run(*own, app=("--method=sam", "--epochs=2"))
    assert re.search(r"^0\.000001 +- +pruned$", printed, re.MULTILINE)
    pruned = tmp_path / "points" / "learning_rate=0.000001" / "sam"
    assert len((pruned / "seed_0" / "metrics.jsonl").read_text().splitlines()) == 1
    assert not (pruned / "seed_1").exists()
    run(*own, "--resume", app=("--method=sam", "--epochs=2"))
    assert result(tmp_path)["points"][3]["trouble"] == "pruned"
    run(*own, "--resume", "--noprune", app=("--method=sam", "--epochs=2"))
    assert len(result(tmp_path)["points"][3]["accuracies"]) == 2


def test_results_are_not_written_over(trained, tmp_path):
    run(tmp_path, "--grid=rho=0.1", "--final_seeds=")
    with pytest.raises(SystemExit, match="--resume to go on with the sweep"):
        run(tmp_path, "--grid=rho=0.1")
    with pytest.raises(SystemExit, match="epochs=9 instead of 3"):
        run(tmp_path, "--grid=rho=0.1", "--resume", app=("--method=sam", "--epochs=9"))


def test_a_real_sweep_of_a_shrunken_preset(tmp_path):
    own = ("--smoke", "--grid=rho=0.05,0.1", "--sweep_seeds=0", "--final_seeds=1")
    run(tmp_path, *own, app=("--preset=e9", "--method=sam"))
    assert set(result(tmp_path)["chosen"]) == {"rho"}
    assert (tmp_path / "final" / "sam" / "seed_1" / "model.keras").is_file()


def test_names_of_folders_are_plain():
    point = Point({"augment": "basic,cutout", "weights": "a/b:c"})
    assert point.folder == "augment=basic,cutout,weights=a_b_c"
    assert point.arguments == ["--augment=basic,cutout", "--weights=a/b:c"]


def test_overwrite_takes_nothing_from_a_live_sweep_and_follows_no_link(tmp_path, trained):
    workdir, outside = tmp_path / "sweep", tmp_path / "outside"
    run(workdir, "--grid=rho=0.1", "--sweep_seeds=0", "--final_seeds=")
    (workdir / "points" / "rho=0.1").rename(outside)
    (workdir / "points" / "linked").symlink_to(outside)
    run(workdir, "--grid=rho=0.2", "--sweep_seeds=0", "--final_seeds=", "--resume")
    again = ("--grid=rho=0.4", "--sweep_seeds=0", "--final_seeds=", "--overwrite")
    before = sorted(workdir.rglob("*"))
    held = workdir / "points" / "rho=0.2"
    with FileLock(held / TRIAL_LOCK), pytest.raises(SystemExit, match=f"works in {held}: stop it"):
        run(workdir, *again)
    assert sorted(workdir.rglob("*")) == before
    run(workdir, *again)
    assert not list(held.glob("sam/seed_*/settings.json"))
    assert list(outside.glob("sam/seed_*/settings.json"))
