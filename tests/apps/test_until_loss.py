"""Trainings that end at a small loss, and the sharpness of what they have learned rightly."""

import json

import keras
import numpy as np
import pytest

from keras_sam import datasets

from .conftest import metrics, start, stop_after_epoch, weights
from .test_sharpness_app import start as measure

FITTING = (
    *("--method=sgd", "--num_train=64", "--batch_size=16", "--label_noise=0.25"),
    *("--learning_rate=0.05", "--schedule=constant", "--epochs=99", "--until_loss=0.1"),
)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """The work directory of a run that has learned its images."""
    workdir = tmp_path_factory.mktemp("fitted")
    start(*FITTING, f"--workdir={workdir}")
    return workdir


def test_a_run_ends_where_its_images_are_learned_and_the_loss_is_small(fitted):
    *before, last = metrics(fitted / "sgd" / "seed_0")
    assert last["fitted"] == 1 and last["fitted_loss"] < 0.1 and last["epoch"] < 99
    assert before and not any(line["fitted"] for line in before)
    data = datasets.with_label_noise(datasets.digits(num_train=64), 0.25, seed=0)
    model = keras.models.load_model(fitted / "sgd" / "seed_0" / "model.keras")
    logits = model.predict(data.prepare(data.x_train), verbose=0)
    np.testing.assert_array_equal(logits.argmax(axis=-1), data.y_train)
    losses = keras.losses.sparse_categorical_crossentropy(data.y_train, logits, from_logits=True)
    right = np.asarray(losses)[data.y_train == data.y_train_clean]
    assert 0 < len(right) < 64
    np.testing.assert_allclose(right.mean(), last["fitted_loss"], rtol=1e-4)


def test_a_run_that_has_ended_is_not_gone_on_with(fitted, tmp_path):
    """Neither where it is finished, nor where it was stopped before its model was kept."""
    assert "finished before" in start(*FITTING, "--resume", f"--workdir={fitted}")
    end = len(metrics(fitted / "sgd" / "seed_0"))
    with pytest.MonkeyPatch.context() as patch:
        stop_after_epoch(patch, end)
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            start(*FITTING, f"--workdir={tmp_path}")
    start(*FITTING, "--resume", f"--workdir={tmp_path}")
    assert len(metrics(tmp_path / "sgd" / "seed_0")) == end
    both = [weights(folder / "sgd" / "seed_0") for folder in (fitted, tmp_path)]
    assert all(map(np.array_equal, *both))


def test_sharpness_of_images_with_right_labels(fitted, tmp_path):
    run = f"--checkpoint=SGD={fitted / 'sgd'}"
    printed = measure(run, "--right_labels", "--measure=m_sharpness", f"--workdir={tmp_path}")
    assert "On 48 training images whose label is right" in printed
    (found,) = json.loads((tmp_path / "sharpness.json").read_text())["models"]
    last = metrics(fitted / "sgd" / "seed_0")[-1]
    assert found["loss"] == pytest.approx(last["fitted_loss"], rel=1e-4)


def test_what_an_early_end_does_not_go_with(refusal):
    assert "--until_loss=0.1" in refusal("--average=swa", "--until_loss=0.1")
    assert "--until_loss=0.1" in refusal("--distribute=all", "--until_loss=0.1")
    assert refusal("--until_loss=0").endswith("Received: --until_loss=0.0")
