"""What a training says beside its results: with what, how long yet, and which names there are."""

import json
import re

import keras
import pytest

import keras_sam
from keras_sam.experiments.training import run

from .conftest import start


def test_a_run_says_with_what_it_was_trained(compared):
    workdir, printed = compared
    lines = (workdir / "sgd" / "seed_0" / "environment.jsonl").read_text().splitlines()
    found = json.loads(lines[0])
    assert len(lines) == 1 and re.fullmatch(r"20\d\d-\d\d-\d\dT[\d:]{8}\+00:00", found.pop("date"))
    assert found["keras_sam"] == keras_sam.__version__ and found["keras"] == keras.__version__
    assert {"python", "device", keras.backend.backend()} <= set(found)
    assert ", ".join(f"{name} {value}" for name, value in found.items()) in printed


def test_the_rest_is_estimated_until_nothing_is_left(compared):
    results = re.findall(r"^\[\d/4\].*% of the test images.*$", compared[1], re.MULTILINE)
    assert ["the rest takes about" in line for line in results] == [True, True, True, False]


@pytest.mark.parametrize(
    ("kind", "some"),
    [
        ("models", ["resnet20", "wide_resnet28_10"]),
        ("datasets", ["digits", "cifar10"]),
        ("methods", ["sgd", "asam", "Hessian-vector product"]),
    ],
)
def test_names_are_listed_and_nothing_is_trained(kind, some, tmp_path):
    printed = start(f"--list={kind}", f"--workdir={tmp_path / 'runs'}")
    assert all(name in printed for name in some)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(("verbose", "in_terminal", "in_file"), [("auto", 1, 2), ("0", 0, 0)])
def test_a_progress_bar_fills_no_file(verbose, in_terminal, in_file, monkeypatch):
    found = []
    for is_terminal in (True, False):
        monkeypatch.setattr("sys.stdout.isatty", lambda is_terminal=is_terminal: is_terminal)
        found.append(run.verbosity(verbose))
    assert found == [in_terminal, in_file]
