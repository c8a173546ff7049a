"""Sharpness measured during a training: the numbers, the figures, and that nothing else changes."""

import dataclasses
import re

import keras
import numpy as np
import pytest

from keras_sam import datasets, sharpness
from keras_sam.experiments.flags.running import ANGLE, SPECTRUM, WATCHED
from keras_sam.experiments.results.watched import QUANTITIES, _curve
from keras_sam.experiments.training.watching import measured_on
from keras_sam.sharpness.measures import MEASURES, NAMES

from .conftest import metrics, start, weights
from .outcomes import outcome_of

WATCH = ("--watch=m_sharpness,angle,spectrum", "--watch_every=2", "--watch_examples=16")
NAME = "m_sharpness"


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """A work directory of two methods, measured on the way, and what was printed."""
    workdir = tmp_path_factory.mktemp("watched")
    return workdir, start("--compare=sgd,sam:0.3", *WATCH, f"--workdir={workdir}", draws=True)


@pytest.mark.parametrize("method", ["sgd", "sam_rho_0.3"])
def test_measured_are_the_first_epoch_and_every_second(watched, method):
    folder = watched[0] / method / "seed_0"
    lines = metrics(folder)
    # Measured after epochs 1 and 2; the third repeats the second.
    assert lines[0][NAME] != lines[1][NAME] == lines[2][NAME]
    kept = sharpness.Density.load(folder / "spectrum_00002.npz")
    assert max(kept.nodes[0]) == pytest.approx(lines[1]["hessian_max"], rel=1e-6)
    assert sorted(path.name for path in folder.glob("spectrum_*")) == [
        "spectrum_00001.npz",
        "spectrum_00002.npz",
    ]


def test_it_is_said_when_it_measures(watched):
    said = re.findall(r"^  measuring (.*) after epoch (\d)$", watched[1], flags=re.MULTILINE)
    assert said == [("m-sharpness, angle, spectrum", number) for number in "1212"]


def test_a_last_epoch_measures_the_saved_model(tmp_path):
    arguments = ("--method=sgd", "--label_noise=0.4", *WATCH, "--watch_every=3")
    start(*arguments, f"--workdir={tmp_path}")
    folder = tmp_path / "sgd" / "seed_0"
    noisy = datasets.with_label_noise(datasets.digits(num_train=256), 0.4, 0)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model = keras.models.load_model(folder / "model.keras")
    x, y = measured_on(noisy, "train", 16)
    objective = sharpness.Objective(model, x, y, loss, batch_size=32)
    last = metrics(folder)[-1]
    found = sharpness.worst_case(objective, 0.05).value
    assert last["m_sharpness"] == pytest.approx(found, rel=1e-4)
    cosines = sharpness.gradient_cosines(model, x, y, loss=loss)
    assert last["cosine_multistep"] == pytest.approx(cosines["multistep"], rel=1e-4)
    density = sharpness.Density.load(folder / "spectrum_00003.npz")
    assert last["hessian_max"] == pytest.approx(max(density.nodes[0]), rel=1e-6)


def test_the_training_is_the_same_without(watched, tmp_path):
    start("--method=sam", "--rho=0.3", f"--workdir={tmp_path}")
    for one, other in zip(
        weights(watched[0] / "sam_rho_0.3" / "seed_0"),
        weights(tmp_path / "sam" / "seed_0"),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_figures_are_drawn_and_named(watched):
    workdir, printed = watched
    names = ("m_sharpness", "cosine_second_order", "cosine_multistep", "spectra")
    for name in names:
        assert (workdir / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert str(workdir / f"{name}.png") in printed
    assert not (workdir / "lambda_max.png").exists()


def test_a_curve_has_the_measured_epochs_alone():
    # A run that counts steps has a line for each evaluation, not for each epoch.
    run = [{"epoch": 3 * n, "trace": value} for n, value in enumerate([1.0, 1.0, 4.0, 4.0], 1)]
    found = outcome_of("sam", "2", [run, run[:3]])
    epochs, values = _curve(found, "trace")
    np.testing.assert_array_equal(epochs, [3, 9])
    np.testing.assert_array_equal(values, [[1, 4], [1, 4]])


def test_every_measure_can_be_watched_and_drawn():
    assert set(WATCHED) == {*MEASURES, ANGLE, SPECTRUM}
    drawn = {name for names in NAMES.values() for name in names}
    assert drawn < set(QUANTITIES)


def test_images_that_are_sorted_by_class_are_mixed():
    data = datasets.digits()
    order = np.argsort(data.y_train, kind="stable")
    x, y = data.x_train[order], data.y_train[order]
    by_class = dataclasses.replace(data, x_train=x, y_train=y, y_train_clean=y)
    images, labels = measured_on(by_class, "train", 100)
    assert len(images) == 100 and set(np.bincount(labels)) == {10}
    assert all(len(set(labels[i : i + 20])) > 5 for i in range(0, 100, 20))


def test_soft_labels_are_measured_too(tmp_path):
    start("--method=sgd", "--label_smoothing=0.1", *WATCH, "--epochs=1", f"--workdir={tmp_path}")
    (line,) = metrics(tmp_path / "sgd" / "seed_0")
    assert np.isfinite(line["hessian_max"]) and line["m_sharpness"] > 0


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--watch=eigenvalue"], "did you mean eigenvalues\\? Received: --watch=eigenvalue$"),
        (["--watch_every=0"], "watch_every"),
        (["--watch_examples=-1"], "watch_examples"),
        (["--watch_rho=0"], "watch_rho"),
        (["--watch=trace", "--distribute=all"], "on one device: .*--watch=trace$"),
    ],
)
def test_refused_before_training(arguments, message, refusal):
    assert re.search(message, refusal(*arguments))
