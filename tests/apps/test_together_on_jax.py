"""A training app in several JAX processes, of several devices: it is one process's work."""

import os

import keras
import pytest

from keras_sam.experiments import launch
from tests import pair
from tests.contract.jax_processes import FLAGS
from tests.pair import PROCESSES

from .conftest import TINY, start, stop_after_epoch
from .test_together import FILES, assert_equal

pytestmark = [
    pytest.mark.everywhere,
    pytest.mark.skipif(keras.backend.backend() != "jax", reason="keras.distribution is for JAX"),
]
SIZES = ("--num_train=64", "--num_test=20", "--epochs=2", "--compare=sgd,sam:0.3")
TOGETHER = "--distribute=all"


def environment(rank, port):
    """What Keras is told of a process."""
    values = (str(rank), str(PROCESSES), f"127.0.0.1:{port}")
    return dict(zip(launch.VARIABLES["jax"], values, strict=True))


@pytest.fixture
def follower(monkeypatch):
    """The variables of the second of two processes."""
    for name, value in environment(1, 1).items():
        monkeypatch.setenv(name, value)


def test_two_processes_go_on_where_one_was_stopped(tmp_path):
    """And come to the same weights as one that was not, with BatchNorm and metrics of all."""
    with pytest.MonkeyPatch.context() as patch:
        stop_after_epoch(patch, 1)
        with pytest.raises(SystemExit):
            start(*SIZES, TOGETHER, f"--workdir={tmp_path / 'both'}")
    port, flags = pair.free_port(), (*TINY, *SIZES, TOGETHER, "--resume")
    printed, nothing = pair.run(
        "keras_sam",
        lambda rank: ["train", *flags, f"--workdir={tmp_path / 'both'}"],
        lambda rank: {"XLA_FLAGS": FLAGS, **environment(rank, port)},
    )
    assert "going on after epoch 1 of 2" in printed and "[2/2] sam, rho 0.3, seed 0: " in printed
    assert "seed" not in nothing
    run = tmp_path / "both" / "sam_rho_0.3" / "seed_0"
    assert sorted(os.listdir(run)) == FILES
    assert '"processes": "2"' in (run / "environment.jsonl").read_text()
    start(*SIZES, "--method=sam", "--rho=0.3", "--compare=", f"--workdir={tmp_path / 'alone'}")
    assert_equal(run, tmp_path / "alone" / "sam" / "seed_0")


def test_what_looks_at_a_process_alone_is_refused(follower, monkeypatch, tmp_path):
    left = []
    monkeypatch.setattr(os, "_exit", left.append)
    start(TOGETHER, "--average=swa", f"--workdir={tmp_path}")
    assert left == [1]


@pytest.mark.parametrize(
    "flags, message",
    [
        ((TOGETHER, "--average=swa"), "leave it out. Received: --average=swa"),
        (
            ("--distribute=none",),
            "add --distribute=all and KERAS_BACKEND=jax, with which they train together, or start "
            "the app once. Received: --distribute=none, KERAS_BACKEND=jax",
        ),
    ],
)
def test_the_leader_says_what_is_refused(follower, monkeypatch, tmp_path, capsys, flags, message):
    """And ends at once: JAX would wait for the others."""
    monkeypatch.setenv(launch.VARIABLES["jax"][0], "0")
    left = []
    monkeypatch.setattr(os, "_exit", left.append)
    monkeypatch.setattr(launch, "FAREWELL", 0.0)
    start(*flags, f"--workdir={tmp_path}")
    assert left == [1]
    assert capsys.readouterr().err.endswith(f"{message}\n")
