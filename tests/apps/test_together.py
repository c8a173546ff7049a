"""A training app in several PyTorch processes: it is the app, and one process's work."""

import os

import keras
import numpy as np
import pytest

from keras_sam import datasets
from tests import pair

from . import together
from .conftest import TIMES, metrics, start, weights

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="torch.distributed is PyTorch's"
)
FILES = ["environment.jsonl", "lock", "metrics.jsonl", "model.keras", "settings.json"]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """A folder, and what each of two processes said, from one pair of them for all tests."""
    folder = tmp_path_factory.mktemp("together")
    return folder, together.run(folder)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The work directory of the same comparison in one process."""
    workdir = tmp_path_factory.mktemp("alone")
    together.small(f"--workdir={workdir}")
    return workdir


def assert_equal(run, other):
    """The runs have the same metrics and weights, but for rounding."""
    ours, theirs = (metrics(folder, but=TIMES) for folder in (run, other))
    assert [line.keys() for line in ours] == [line.keys() for line in theirs]
    for left, right in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(list(left.values()), list(right.values()), rtol=1e-4)
    for left, right in zip(weights(run), weights(other), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-6)


def test_one_process_speaks_for_all(both):
    _, (first, second) = both
    assert "sgd, seed 0: " in first["whole"]["said"] and first["whole"]["code"] is None
    assert {second[case]["said"] for case in ("missing_data", "uneven_batch", "whole")} == {""}
    assert "Stopped. The same command with --resume" in first["stopped"]["said"]
    assert first["stopped"]["code"] == 130
    # Ctrl-C has reached one of them alone.
    assert second["stopped"]["said"].startswith("train_resnet.py: process 1: ")
    assert second["stopped"]["said"].count("\n") == second["stopped"]["code"] == 1


@pytest.mark.parametrize(
    "case, message",
    [
        ("missing_data", "no data here. Received: nothing (in process 1)"),
        (
            "uneven_batch",
            "With --distribute=all batch_size must be a multiple of the 2 processes. "
            "Received: batch_size=31",
        ),
    ],
)
def test_what_one_refuses_all_refuse(both, case, message):
    _, (first, second) = both
    assert first[case]["code"] == f"train_resnet.py: {message}"
    assert second[case]["code"] == 1


def test_plain_training_equals_one_process(both, alone):
    run = both[0] / "stopped" / "sgd" / "seed_0"
    assert sorted(os.listdir(run)) == FILES
    assert '"processes": "2"' in (run / "environment.jsonl").read_text()
    assert_equal(run, alone / "sgd" / "seed_0")


def test_metrics_are_those_of_the_whole_test_set(both):
    """With BatchNorm's statistics and weights that are averaged before the last evaluation."""
    run = both[0] / "whole" / "sgd" / "seed_0"
    assert sorted(os.listdir(run)) == sorted([*FILES, "log.csv"])
    model, data = keras.models.load_model(run / "model.keras"), datasets.digits(None, 64, 21)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(loss=loss, metrics=["accuracy"])
    found = model.evaluate(data.prepare(data.x_test), data.y_test, return_dict=True, verbose=0)
    last = metrics(run)[-1]
    for name, value in found.items():
        np.testing.assert_allclose(last[f"val_{name}"], value, rtol=1e-4)


def test_one_process_goes_on_where_two_were_stopped(both, alone, monkeypatch):
    workdir = both[0] / "stopped"
    assert len(metrics(workdir / "sam_rho_0.3" / "seed_0")) == 1
    for name, value in together.environment(0, 1, pair.free_port()).items():
        monkeypatch.setenv(name, value)
    printed = together.small(
        together.TOGETHER, "--sync_perturbation=gradient", f"--workdir={workdir}", "--resume"
    )
    assert "sgd, seed 0: finished before" in printed and "going on after epoch 1 of 2" in printed
    assert_equal(workdir / "sam_rho_0.3" / "seed_0", alone / "sam_rho_0.3" / "seed_0")


def test_processes_that_would_train_copies_are_refused(monkeypatch, tmp_path):
    for name, value in together.environment(0, 2, 1).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match=r"Each of the 2 processes .*Received: --distribute=none"):
        start(f"--workdir={tmp_path}")


def test_without_a_launcher_the_command_is_shown(refusal):
    message = refusal(together.TOGETHER)
    assert "`torchrun --nproc_per_node=2 apps/train_resnet.py --distribute=all`" in message
    assert message.endswith("Received: --distribute=all without torchrun")


def test_only_processes_share_a_perturbation(refusal):
    message = refusal("--sync_perturbation=mean")
    assert "add --distribute=all. Received: --distribute=none" in message
