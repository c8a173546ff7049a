"""Gradual domain adaptation: the digits turn, guesses are followed, and finished trainings stay."""

import numpy as np
import pytest

from keras_sam.experiments.adaptation import command, turning
from keras_sam.experiments.training.entries import Entry

from .conftest import quietly

TINY = ("--source_epochs=1", "--epochs=1", "--turns=1", "--batch_size=256", "--compare=sgd,sam")


def adapt(folder, *arguments):
    with quietly() as printed:
        command.main(["adapt.py", *TINY, f"--workdir={folder}", *arguments], "What it does.")
    return printed.getvalue()


def test_table_and_what_is_finished(tmp_path, monkeypatch):
    printed = adapt(tmp_path, "--seeds=0")
    assert "gradual self-training" in printed and "sam, rho 0.05 − sgd" in printed
    assert (tmp_path / "adaptation.txt").read_text().startswith("KERAS_BACKEND=")
    monkeypatch.setattr(turning, "adapted", lambda *_: dict.fromkeys(command.WAYS, 1.0))
    again = adapt(tmp_path, "--seeds=0,1")  # Seed 0 is not trained again.
    assert printed.splitlines()[0] in again and "upright 1.0 %" in again and "±" in again
    assert len((tmp_path / "results.jsonl").read_text().splitlines()) == 4


def test_guesses_are_followed_from_step_to_step():
    """Of a learner that reads the angle off, each step asks for what the one before has taught."""
    entry, asked = Entry("sgd", None, {}, None), []
    learner = turning.Learner(entry, {"batch_size": 4, "learning_rate": 0.1}, (4, 4, 1))
    learner.fit = lambda x, y, epochs: asked.append((x, y, epochs))
    images = np.random.default_rng(0).random((10, 4, 4, 1)).astype("float32")
    learner.follow(images, [0.0, 90.0], epochs=3, keep=0.8)
    assert [len(x) for x, _, _ in asked] == [8, 8] and asked[0][2] == 3
    for (x, y, _), expected in zip(asked, (images, np.rot90(images, axes=(1, 2)))):
        logits = learner.logits(expected)
        chance = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        surest = np.argsort(-chance.max(-1), kind="stable")[:8]
        np.testing.assert_allclose(x, expected[surest], atol=1e-5)
        np.testing.assert_array_equal(y, logits[surest].argmax(-1))


@pytest.mark.parametrize(
    "flag, message",
    [("--keep=0", "--keep must be a number above 0"), ("--compare=sm", "Unknown method")],
)
def test_wrong_flags_end_in_one_line(tmp_path, flag, message):
    with pytest.raises(SystemExit, match=rf"^adapt\.py: {message}.*Received"):
        adapt(tmp_path / "runs", flag)
    assert not (tmp_path / "runs").exists()


def test_damaged_results_are_named(tmp_path):
    (tmp_path / "results.jsonl").write_text("{")
    with pytest.raises(SystemExit, match=r"^adapt\.py: .*results\.jsonl must hold a line of JSON"):
        adapt(tmp_path)
