"""Trained networks on corrupted images and on other data sets, long tails, and downloads."""

import json

import keras
import numpy as np
import pytest

from keras_sam import datasets
from keras_sam.datasets.corruptions import CORRUPTIONS
from keras_sam.experiments.results import evaluated
from keras_sam.experiments.training import evaluating

from ..datasets.test_download import keras_data
from .conftest import metrics, start

SMALL = ("--num_train=64", "--num_test=20", "--epochs=1")


@pytest.fixture(scope="module")
def tested(tmp_path_factory):
    """Two runs that were tested on corrupted digits, and on digits; and what was printed."""
    workdir = tmp_path_factory.mktemp("tested")
    arguments = (*SMALL, "--compare=sgd,sam:0.3", "--evaluate_on=corrupted,digits")
    return workdir, start(*arguments, f"--workdir={workdir}"), arguments


def test_errors_are_kept_beside_the_run(tested):
    for method in ("sgd", "sam_rho_0.3"):
        folder = tested[0] / method / "seed_0"
        errors = json.loads((folder / "evaluated.json").read_text())
        assert errors["digits"] == pytest.approx(1 - metrics(folder)[-1]["val_accuracy"])
        assert {
            name: len(of_each) for name, of_each in errors["corrupted"].items()
        } == dict.fromkeys(CORRUPTIONS, 5)
        model = keras.models.load_model(folder / "model.keras")
        data = datasets.with_corruption(datasets.digits(num_test=20), "contrast", 4)
        images = data.prepare(data.x_test[:])
        wrong = np.mean(model.predict(images, verbose=0).argmax(-1) != data.y_test)
        assert errors["corrupted"]["contrast"][3] == pytest.approx(wrong)
        assert "val_corrupted" not in metrics(folder)[0]


def test_table_has_them(tested):
    workdir, printed, _ = tested
    errors = evaluated.read(workdir / "sgd" / "seed_0")
    lines = printed.splitlines()
    head = next(i for i, line in enumerate(lines) if line.startswith("method "))
    assert "mean corruption error, %" in lines[head] and "error on digits, %" in lines[head]
    assert f" {evaluated.means(errors)['corrupted']:.1f} " in lines[head + 1]
    (row,) = [line for line in lines if line.startswith("zoom blur ")]
    assert row.split()[2] == f"{100 * np.mean(errors['corrupted']['zoom_blur']):.1f}"
    assert row in (workdir / "table.txt").read_text().splitlines()


def test_what_was_tested_is_not_tested_again(tested, monkeypatch):
    workdir, _, arguments = tested
    monkeypatch.setattr(evaluating, "_wrong", None)
    assert start(*arguments, "--resume", f"--workdir={workdir}").count("finished before") == 2


def test_finished_runs_are_tested_later_and_after_a_stop(tmp_path, monkeypatch):
    arguments = (*SMALL, "--method=sgd", f"--workdir={tmp_path}")
    start(*arguments)
    folder = tmp_path / "sgd" / "seed_0"
    trained = (folder / "model.keras").stat().st_mtime_ns
    with monkeypatch.context() as patch, pytest.raises(SystemExit, match="130"):
        patch.setattr(evaluating, "_wrong", _interrupt)
        start(*arguments, "--resume", "--evaluate_on=digits")
    assert not (folder / "evaluated.json").exists()
    printed = start(*arguments, "--resume", "--evaluate_on=digits")
    assert "error on digits, %" in printed and "finished before" not in printed
    assert (folder / "model.keras").stat().st_mtime_ns == trained
    (folder / "evaluated.json").write_text('{"digits": 7}')
    with pytest.raises(SystemExit, match=r"evaluated.json must hold .*Received: an error of 7$"):
        start(*arguments, "--resume", "--evaluate_on=digits")


def _interrupt(*_, **__):
    raise KeyboardInterrupt


def test_a_test_that_fails_fails_the_run_and_is_made_again(tmp_path, monkeypatch):
    arguments = (*SMALL, "--method=sgd", "--evaluate_on=digits", f"--workdir={tmp_path}")
    with monkeypatch.context() as patch, pytest.raises(SystemExit, match=r"^train_resnet.*sgd, s"):
        patch.setattr(evaluating, "_wrong", None)
        start(*arguments)
    assert "must be callable" in (tmp_path / "sgd" / "seed_0" / "error.txt").read_text()
    assert "error on digits, %" in start(*arguments, "--resume")


def test_a_long_tail_is_said_and_kept(tmp_path):
    arguments = ("--method=sgd", "--epochs=1", "--imbalance=8", f"--workdir={tmp_path}")
    printed = start(*arguments)
    assert "(109 training images" in printed and "50 test images" in printed
    assert "  of each class: 0 25, 1 20, 2 16, 3 12, 4 10, 5 8, 6 6, 7 5, 8 4, 9 3" in printed
    settings = json.loads((tmp_path / "sgd" / "seed_0" / "settings.json").read_text())
    assert settings["imbalance"] == 8
    expected = r"holds a run with other settings.*Received: imbalance=None instead of 8"
    with pytest.raises(SystemExit, match=expected):
        start("--method=sgd", "--epochs=1", "--resume", f"--workdir={tmp_path}")
    with pytest.raises(SystemExit, match=expected):  # Also where the plan has another method.
        start("--method=sam", "--epochs=1", "--resume", f"--workdir={tmp_path}")


def test_runs_without_have_no_such_settings(compared):
    settings = json.loads((compared[0] / "sgd" / "seed_0" / "settings.json").read_text())
    assert not {"imbalance", "evaluate_on", "download"} & set(settings)
    with pytest.raises(SystemExit, match=r"Received: imbalance=8.0 instead of None"):
        start("--compare=sgd", "--imbalance=8", "--resume", f"--workdir={compared[0]}")


def test_data_are_fetched_where_the_command_asks_for_it(tmp_path, monkeypatch):
    monkeypatch.setattr(keras.datasets.cifar10, "load_data", keras_data)
    data = tmp_path / "data"
    arguments = ("--dataset=cifar10", f"--data_dir={data}", "--method=sgd", "--num_train=20")
    arguments += ("--num_test=10", "--epochs=1", f"--workdir={tmp_path / 'runs'}")
    with pytest.raises(SystemExit, match=r"the apps' --download or keras_sam.datasets.download"):
        start(*arguments)
    assert not data.exists()
    assert "convnet on cifar10 (20 training images" in start(*arguments, "--download")
    command = (tmp_path / "runs" / "table.txt").read_text().partition("\n")[0]
    assert "--download" in command and str(tmp_path) not in command
