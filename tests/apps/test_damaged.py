"""A damaged file of a run is one line that names it and says what to do."""

import json
import os
import re

import numpy as np
import pytest

from keras_sam.experiments.results import files
from keras_sam.experiments.results.files import RunError

from .conftest import TIMES, metrics, start, stop_after_first_epoch, weights
from .reported import make_run, write_report

LINES = [{"epoch": epoch, "loss": 0.5, "val_loss": 0.5, "val_accuracy": 0.5} for epoch in (1, 2)]
GOOD = [json.dumps(line) for line in LINES]


def with_accuracy(text):
    return GOOD[0].replace('"val_accuracy": 0.5', f'"val_accuracy": {text}')


BAD_LINES = {
    "binary": b"\x89PNG\r\n\x1a\n\xff\xfe",
    "half": GOOD[0][:30],
    "no object": "[1, 2]",
    "a number": "3",
    "nested": "[" * 100_000,
    "no epoch": '{"val_accuracy": 0.5}',
    "no accuracy": '{"epoch": 1}',
    "first dropped": GOOD[1],
    "second first": GOOD[1] + "\n" + GOOD[0],
    "repeated": GOOD[0] + "\n" + GOOD[0],
    "epoch 0": GOOD[0].replace('"epoch": 1', '"epoch": 0'),
    "epoch in words": GOOD[0].replace('"epoch": 1', '"epoch": "1"'),
    "broken epoch": GOOD[0].replace('"epoch": 1', '"epoch": 1.5'),
    "endless epoch": GOOD[0].replace('"epoch": 1', '"epoch": Infinity'),
} | {
    f"accuracy {text[:9]}": with_accuracy(text)
    for text in (
        *('"0.5"', "null", "true", "[0.5]", '{"a": 1}', "NaN", "Infinity", "-0.5", "55"),
        "1" + 400 * "0",
    )
}


def written(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("content", BAD_LINES.values(), ids=BAD_LINES)
def test_metrics(content, tmp_path):
    path = written(tmp_path, "metrics.jsonl", content)
    with pytest.raises(RunError, match=f"^{re.escape(str(path))} must hold .*: remove .* Received"):
        files.metrics(path)


def test_whole_metrics_are_read(tmp_path):
    path = written(tmp_path, "metrics.jsonl", "\n".join(GOOD) + "\n")
    assert files.metrics(path) == LINES
    diverged = GOOD[0].replace('"loss": 0.5', '"loss": NaN')
    assert len(files.metrics(written(tmp_path, "metrics.jsonl", diverged))) == 1
    assert files.metrics(tmp_path / "none") == []
    every_fifth = [json.dumps(line | {"epoch": 5 * line["epoch"]}) for line in LINES]
    path = written(tmp_path, "metrics.jsonl", "\n".join(every_fifth))
    assert len(files.metrics(path, is_sparse=True)) == 2


SETTINGS = {"method": "sam", "seed": 0, "epochs": 3, "rho": 0.1, "method_arguments": {}}
BAD_SETTINGS = {
    "empty": "",
    "binary": b"\xff\x00",
    "a list": "[1]",
    "nested": "[" * 100_000,
    **{
        f"{name} {value}": json.dumps(SETTINGS | {name: value})
        for name, value in (
            *(("method", 3), ("method", None), ("seed", "0"), ("seed", 1.5), ("seed", True)),
            *(("seed", -1), ("epochs", "many"), ("rho", "0.1"), ("rho", [0.1])),
            *(("method_arguments", []), ("label_noise", {}), ("model", 5), ("batch_size", 0.5)),
            ("inputs", {"a": []}),
        )
    },
}


@pytest.mark.parametrize("content", BAD_SETTINGS.values(), ids=BAD_SETTINGS)
def test_settings(content, tmp_path):
    path = written(tmp_path, "settings.json", content)
    with pytest.raises(RunError, match=f"^{re.escape(str(path))} must hold .*: remove .* Received"):
        files.settings(path)


def damage(folder, name):
    """Damages a file of a finished run; returns its path."""
    path = folder / name.split()[0]
    content = path.read_bytes()
    shorter = content[: content[:-1].rfind(b"\n") + 1]
    changed = {"empty": b"", "truncated": content[: len(content) // 2], "shortened": shorter}
    path.write_bytes(changed.get(name.split()[-1], b"\xff\x00"))
    return path


DAMAGES = (
    *("metrics.jsonl empty", "metrics.jsonl shortened", "metrics.jsonl binary"),
    *("model.keras empty", "model.keras truncated", "settings.json binary"),
)


@pytest.mark.parametrize("name", DAMAGES)
def test_a_report_and_a_resume_name_the_file(name, tmp_path, compared):
    copy = tmp_path / "sgd" / "seed_0"
    copy.mkdir(parents=True)
    for path in (compared[0] / "sgd" / "seed_0").iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    path = damage(copy, name)
    for run in (
        lambda: start("--method=sgd", f"--workdir={tmp_path}", "--resume"),
        lambda: write_report(f"--runs={tmp_path}", f"--output={tmp_path / 'page'}"),
    ):
        with pytest.raises(SystemExit) as caught:
            run()
        message = caught.value.code
        assert "\n" not in message and str(path) in message and "Received: " in message
        assert re.search("remove the run's folder|delete the file", message)
    assert not (tmp_path / "page").exists()


def test_a_model_without_settings_is_no_finished_run(tmp_path):
    run = make_run(tmp_path, 60, folder="sgd")
    (run / "settings.json").unlink()
    with pytest.raises(SystemExit, match=r"settings\.json must hold the settings of a run"):
        start("--method=sgd", f"--workdir={tmp_path}", "--resume")


@pytest.fixture
def stopped(tmp_path, monkeypatch):
    """The folder of a run that was stopped after its first epoch."""
    with monkeypatch.context() as patch, pytest.raises(SystemExit, match="130"):
        stop_after_first_epoch(patch)
        start("--compare=sgd", f"--workdir={tmp_path}")
    return tmp_path / "sgd" / "seed_0"


def resumed(folder):
    return start("--compare=sgd", f"--workdir={folder.parents[1]}", "--resume")


def a_bit_of_a_weight_changed(content):
    place = len(content) // 2
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


@pytest.mark.parametrize("damaged", [lambda content: content[:3000], a_bit_of_a_weight_changed])
def test_a_damaged_checkpoint_is_to_be_deleted(stopped, compared, damaged):
    checkpoint = stopped / "epoch_00001.weights.h5"
    checkpoint.write_bytes(damaged(checkpoint.read_bytes()))
    for _ in range(2):
        with pytest.raises(SystemExit, match="tries again: sgd, seed 0"):
            resumed(stopped)
        (line,) = (stopped / "error.txt").read_text().strip().splitlines()[-1:]
        assert f"{checkpoint} must hold the weights after epoch 1: delete the file" in line
    checkpoint.unlink()
    assert "failed" not in resumed(stopped)
    assert_same(stopped, compared[0] / "sgd" / "seed_0")


def test_a_pipe_in_the_place_of_a_checkpoint_is_not_waited_for(stopped):
    checkpoint = stopped / "epoch_00001.weights.h5"
    checkpoint.unlink()
    os.mkfifo(checkpoint)
    with pytest.raises(SystemExit, match="tries again: sgd, seed 0"):
        resumed(stopped)
    assert f"{checkpoint} must hold the weights" in (stopped / "error.txt").read_text()


def test_a_line_without_seconds_is_a_line(stopped):
    line = metrics(stopped)[0]
    del line["seconds"]
    (stopped / "metrics.jsonl").write_text(json.dumps(line) + "\n")
    assert "of the test images\n" in resumed(stopped)


def test_the_checkpoint_before_a_damaged_one_is_taken(stopped, compared):
    damaged = stopped / "epoch_00002.weights.h5"
    damaged.write_bytes(b"\x89HDF\r\n\x1a\n half")
    (line,) = (stopped / "metrics.jsonl").read_text().splitlines()
    more = json.dumps(json.loads(line) | {"epoch": 2})
    (stopped / "metrics.jsonl").write_text(f"{line}\n{more}\n")  # As it comes first.
    assert re.search(f"{damaged} must hold .*goes on after epoch 1\n", resumed(stopped))
    assert_same(stopped, compared[0] / "sgd" / "seed_0")
    assert not list(stopped.glob("epoch_*"))


@pytest.mark.parametrize("content", ["", "\x00\x01"], ids=["empty", "binary"])
def test_metrics_that_a_checkpoint_needs(stopped, content):
    (stopped / "metrics.jsonl").write_text(content)
    with pytest.raises(SystemExit):
        resumed(stopped)
    assert not (stopped / "model.keras").exists()


def assert_same(folder, unbroken):
    assert metrics(folder, but=TIMES) == metrics(unbroken, but=TIMES)
    for ours, theirs in zip(weights(folder), weights(unbroken), strict=True):
        np.testing.assert_array_equal(ours, theirs)
