"""Decay through the loss, averages of weights, and targets against wrong labels."""

import json

import keras
import numpy as np
import pytest
from keras import layers

import keras_sam
from keras_sam.experiments.flags import command_line, train_resnet
from keras_sam.experiments.results.folder import RunFolder
from keras_sam.experiments.training import building, losses, run
from keras_sam.experiments.training.entries import entries
from keras_sam.experiments.training.planning import loaded, resolved
from keras_sam.experiments.training.settings import settings

from .conftest import TIMES, TINY, metrics, start, stop_after_epoch, weights

SHORT = ("--num_train=96", "--schedule=constant", "--method=sgd")


def settings_of(*arguments):
    """The settings of a command line's first run."""
    options = resolved(command_line.read(train_resnet.FLAGS, ["train_resnet", *TINY, *arguments]))
    return settings(options, entries(options)[0], seed=0)


def small(**regularizers):
    """A network with one hidden layer, the same at each call."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((4,))
    hidden = layers.Dense(5, activation="tanh", **regularizers)(inputs)
    return keras.Model(inputs, layers.Dense(3, **regularizers)(hidden))


@pytest.mark.parametrize("method", ["sgd", "sam"])
def test_decay_through_the_loss_is_that_of_keras_in_every_pass(method):
    """Of all weights, biases too; SAM's own passes are tested with regularisers of layers."""
    found = settings_of(f"--method={method}", "--l2=0.3", "--learning_rate=0.1")
    ours = building.compiled(found, small(), num_classes=3, steps=4)
    l2 = keras.regularizers.L2(0.15)
    theirs = small(kernel_regularizer=l2, bias_regularizer=l2)
    theirs = theirs if method == "sgd" else keras_sam.SAMModel(theirs)
    theirs.compile(building._optimizer(found, 4), **losses.loss_and_metrics(found, 3))
    x, y = np.random.default_rng(0).normal(size=(8, 4)).astype("float32"), np.arange(8) % 3
    for model in (ours, theirs):
        model.fit(x, y, epochs=2, shuffle=False, verbose=0)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_loss_is_reported_without_the_decay(tmp_path):
    start(*SHORT, "--l2=0.1", "--epochs=1", f"--workdir={tmp_path}")
    folder = tmp_path / "sgd" / "seed_0"
    (line,) = metrics(folder)
    model = keras.models.load_model(folder / "model.keras")
    penalty = 0.05 * sum(np.sum(v.numpy() ** 2) for v in model.trainable_variables)
    assert line["val_objective"] - line["val_loss"] == pytest.approx(penalty, rel=1e-4)
    assert line["objective"] > line["loss"]
    assert not model.losses  # Whoever trains it further is not made to decay it.


def test_runs_without_these_flags_are_what_they_were():
    later = ("average", "bootstrap", "l2", "labels_from", "padding", "schedule_", "skip_nonfinite")
    assert not [key for key in settings_of("--schedule=step") if key.startswith(later)]


def test_the_commands_decay_takes_the_place_of_the_presets():
    for given, other in (("l2", "weight_decay"), ("weight_decay", "l2")):
        found = resolved(
            command_line.read(train_resnet.FLAGS, ["app", "--preset=e8", f"--{given}=0.125"])
        )
        assert (found[given], found[other]) == (0.125, 0.0)


@pytest.fixture(scope="module")
def averaged(tmp_path_factory):
    """A run's folder with the average of its last two epochs, and its weights after each epoch."""
    workdir, seen = tmp_path_factory.mktemp("averaged"), []
    original = RunFolder.complete_epoch

    def watched(folder, model, line):
        seen.append([np.copy(v.numpy()) for v in model.trainable_variables])
        original(folder, model, line)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunFolder, "complete_epoch", watched)
        for name, own in (("plain", ()), ("swa", ("--average=swa", "--average_start=0.4"))):
            start(*SHORT, *own, f"--workdir={workdir / name}")
    return workdir / "swa", seen[:3]


def test_the_average_is_of_the_last_epochs_and_is_evaluated(averaged):
    workdir, seen = averaged
    folder = workdir / "sgd" / "seed_0"
    model = keras.models.load_model(folder / "model.keras")
    for variable, one, other in zip(model.trainable_variables, *seen[1:], strict=True):
        np.testing.assert_allclose(variable.numpy(), (one + other) / 2, rtol=1e-5, atol=1e-6)
    data = loaded(json.loads((folder / "settings.json").read_text()))
    guesses = model.predict(data.prepare(data.x_test), verbose=0).argmax(axis=-1)
    assert metrics(folder)[-1]["val_accuracy"] == pytest.approx(np.mean(guesses == data.y_test))
    assert not list(folder.glob("average_*"))


def test_the_average_survives_a_stop_and_its_loss_is_named(averaged, tmp_path, monkeypatch):
    workdir, _ = averaged
    arguments = (*SHORT, "--average=swa", "--average_start=0.4", f"--workdir={tmp_path}")
    with monkeypatch.context() as patch, pytest.raises(SystemExit, match="130"):
        stop_after_epoch(patch, 2)
        start(*arguments)
    folder = tmp_path / "sgd" / "seed_0"
    kept = (folder / "average_00002.npz").rename(tmp_path / "elsewhere.npz")
    with pytest.raises(SystemExit, match=r"sgd, seed 0$"):
        start(*arguments, "--resume")
    assert "must hold the mean of the weights after epoch 2" in (folder / "error.txt").read_text()
    kept.rename(folder / "average_00002.npz")
    start(*arguments, "--resume")
    unbroken = workdir / "sgd" / "seed_0"
    assert metrics(folder, but=TIMES) == metrics(unbroken, but=TIMES)
    for one, other in zip(weights(folder), weights(unbroken), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind, share", [("soft", 0.95), ("hard", 0.8)])
def test_bootstrapped_targets(kind, share):
    found = settings_of(f"--bootstrap={kind}", "--label_smoothing=0.1")
    assert losses.needs_one_hot(found)
    logits = np.array([[2.0, -1.0, 0.5], [0.0, 1.0, 0.0]], "float32")
    labels = np.eye(3, dtype="float32")[[2, 1]]
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    own = chances if kind == "soft" else np.eye(3)[chances.argmax(axis=1)]
    targets = share * (0.9 * labels + 0.1 / 3) + (1 - share) * own
    expected = -np.sum(targets * np.log(chances), axis=1).mean()
    loss = losses.loss_and_metrics(found, 3)["loss"]
    assert float(loss(labels, logits)) == pytest.approx(expected, rel=1e-5)


def test_labels_of_an_earlier_runs_network(averaged):
    workdir, _ = averaged
    found = settings_of(*SHORT, "--label_noise=0.4", f"--bootstrap_from={workdir}")
    clean = loaded(found)
    relabelled = run.with_noise(found, clean)
    model = keras.models.load_model(workdir / "sgd" / "seed_0" / "model.keras")
    guesses = model.predict(clean.prepare(np.asarray(clean.x_train)), verbose=0).argmax(axis=-1)
    np.testing.assert_array_equal(relabelled.y_train, guesses)
    np.testing.assert_array_equal(relabelled.y_train_clean, clean.y_train)


def test_labels_that_no_network_can_give_are_refused(averaged, tmp_path):
    workdir, _ = averaged
    with pytest.raises(SystemExit, match=r"same methods and seeds.*Received: no .*sam/seed_0"):
        start("--method=sam", f"--bootstrap_from={workdir}", f"--workdir={tmp_path / 'new'}")
    assert not (tmp_path / "new").exists()
