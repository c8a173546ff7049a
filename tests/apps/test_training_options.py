"""What each option of a training does, by its effect."""

import json
import math

import keras
import numpy as np
import pytest

from keras_sam import datasets
from keras_sam.experiments.flags import command_line, train_resnet
from keras_sam.experiments.training import building, losses, run
from keras_sam.experiments.training.entries import assignments
from keras_sam.experiments.training.planning import loaded, resolved

from .conftest import TINY, metrics, start, weights


def options(*arguments):
    """The options that a command line with the tiny settings comes to."""
    return resolved(command_line.read(train_resnet.FLAGS, ["train_resnet", *TINY, *arguments]))


def optimizer(*arguments):
    return building._optimizer(options(*arguments) | {"momentum": 0.9}, steps=100)


def trained(workdir, *arguments, method="sgd"):
    """Trains for an epoch; returns the run's folder."""
    start(f"--method={method}", "--epochs=1", *arguments, f"--workdir={workdir}")
    return workdir / method / "seed_0"


@pytest.mark.parametrize(
    "epochs, expected",
    [(2, {0: 0, 10: 0.2, 20: 0.4, 60: 0.2, 100: 0}), (0, {0: 0.4, 50: 0.2, 100: 0})],
)
def test_warmup_rises_to_the_rate_and_is_part_of_the_steps(epochs, expected):
    settings = options("--learning_rate=0.4", "--epochs=10", f"--warmup_epochs={epochs}")
    rate = building._learning_rate(settings, steps=100)
    found = {step: float(rate(step)) for step in expected}
    assert found == pytest.approx(expected, abs=1e-6)


def test_options_of_the_optimizer():
    plain = optimizer()
    assert (plain.nesterov, plain.global_clipnorm, plain.weight_decay) == (False, None, None)
    special = optimizer("--nesterov", "--clipnorm=5", "--weight_decay=0.005")
    assert (special.nesterov, special.global_clipnorm, special.weight_decay) == (True, 5, 0.005)


@pytest.mark.parametrize(
    "text, value",
    [
        ("false", False),
        ("True", True),
        ("inf", math.inf),
        ("filter", "filter"),
        ("{512: 64}", {512: 64}),
        ("[" * 9999, "[" * 9999),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_word_of_the_arguments_is_what_python_means_by_it(text, value):
    assert assignments("method_arguments", [f"option={text}"]) == {"option": value}


def test_clipnorm_bounds_the_step(tmp_path):
    common = ("--learning_rate=1", "--momentum=0", "--schedule=constant", "--num_train=32")
    start_of = weights(trained(tmp_path / "still", *common, "--clipnorm=1e-30"))
    moved = weights(trained(tmp_path / "moved", *common, "--clipnorm=0.01"))
    distance = np.sqrt(sum(np.sum((a - b) ** 2) for a, b in zip(start_of, moved, strict=True)))
    assert distance == pytest.approx(0.01, rel=1e-3)  # One step, of the longest length.


def test_steps_that_are_not_finite_may_be_skipped(tmp_path):
    """All of them, with this radius: the run has a loss of 0, and says why."""
    folder = trained(tmp_path, "--rho=3e38", "--num_train=64", "--skip_nonfinite", method="sam")
    assert [line["skipped_steps"] for line in metrics(folder)] == [2]
    assert json.loads((folder / "settings.json").read_text())["skip_nonfinite"] is True


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_label_smoothing_is_the_mean_over_the_smoothed_labels(share):
    settings = options(f"--label_smoothing={share}")
    assert losses.needs_one_hot(settings)
    logits, label = np.array([[2.0, -1.0, 0.5, 0.0]], "float32"), np.eye(4, dtype="float32")[[2]]
    logs = logits - np.log(np.exp(logits).sum())
    expected = -np.sum(((1 - share) * label + share / 4) * logs)
    loss = losses.loss_and_metrics(settings, 4)["loss"]
    assert float(loss(label, logits)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("augment", ["mixup", "basic,cutmix"])
def test_mixed_labels_train_and_have_both_accuracies(tmp_path, augment):
    (line,) = metrics(trained(tmp_path, f"--augment={augment}", method="sam"))
    assert 0 <= line["val_accuracy"] <= line["val_top5"] <= 1
    assert np.isfinite(line["loss"]) and line["val_top5"] > 0.4


def test_top5_is_measured_of_more_than_five_classes():
    for arguments in ((), ("--label_smoothing=0.1",)):
        found = [losses.loss_and_metrics(options(*arguments), n)["metrics"] for n in (5, 6)]
        assert [len(metrics) for metrics in found] == [1, 2]
        assert found[1][1].name == "top5"


def test_plain_training_has_its_own_epochs(tmp_path):
    printed = start("--compare=sgd,sam", "--epochs=1", "--plain_epochs=2", f"--workdir={tmp_path}")
    assert "1 epochs (2 of sgd)" in printed
    for method, epochs in (("sgd", 2), ("sam", 1)):
        folder = tmp_path / method / "seed_0"
        assert len(metrics(folder)) == epochs
        assert json.loads((folder / "settings.json").read_text())["epochs"] == epochs


def test_holdout_tests_on_training_images_that_are_not_trained_on():
    whole, held = loaded(options()), loaded(options("--holdout=0.25"))
    images = {image.tobytes() for image in whole.x_train}
    kept, tested = ({image.tobytes() for image in part} for part in (held.x_train, held.x_test))
    assert (len(held.y_train), len(held.y_test)) == (192, 64)
    assert kept | tested == images and not kept & tested


@pytest.mark.parametrize("kind", ["symmetric", "pair"])
def test_noise_is_that_of_its_kind_and_in_the_training_labels_only(kind):
    settings = options("--label_noise=0.4", f"--noise_kind={kind}") | {"seed": 3}
    clean = loaded(settings)
    with_noise = run.with_noise(settings, clean)
    noisy = run._training_batches(settings, with_noise, one_hot=False)
    expected = datasets.with_label_noise(clean, 0.4, 3, kind=kind)
    np.testing.assert_array_equal(noisy.y, expected.y_train)
    assert np.mean(noisy.y != clean.y_train) == pytest.approx(0.4, abs=0.05)


@pytest.mark.parametrize("inputs, low, high", [("unit", 0, 1), ("centred", -1, 1)])
def test_scales_of_the_inputs(inputs, low, high):
    data = loaded(options(f"--inputs={inputs}"))
    prepared = data.prepare(data.x_test)
    assert (prepared.min(), prepared.max()) == pytest.approx((low, high))


def test_no_normalization(tmp_path):
    settings = options("--model=resnet20", "--normalization=none")
    model = building.base_model(settings, loaded(settings))
    kinds = {type(layer).__name__ for layer in model.layers}
    assert "Conv2D" in kinds and not {kind for kind in kinds if "Normalization" in kind}


def test_bfloat16(tmp_path):
    folder = trained(tmp_path, "--mixed_precision=bfloat16", method="sam")
    model = keras.saving.load_model(folder / "model.keras")
    assert {layer.compute_dtype for layer in model.layers if layer.weights} >= {"bfloat16"}
    assert {variable.dtype for variable in model.weights} == {"float32"}
    assert np.isfinite(metrics(folder)[0]["loss"])


@pytest.mark.everywhere
@pytest.mark.parametrize("option", ["--steps_per_execution=4", "--distribute=all"])
def test_faster_ways_end_at_the_same_weights(tmp_path, backend, option):
    if backend == "torch":
        with pytest.raises(SystemExit, match=r"^train_resnet\.py: .*PyTorch.*Received:"):
            trained(tmp_path / "refused", option)
        assert not (tmp_path / "refused").exists()
        return
    common = ("--num_train=128", "--num_test=48", "--schedule=constant")  # Four devices.
    ordinary = weights(trained(tmp_path / "ordinary", *common, method="sam"))
    faster = weights(trained(tmp_path / "faster", *common, option, method="sam"))
    for ours, theirs in zip(faster, ordinary, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_classes_that_look_alike_must_be_known(tmp_path):
    with pytest.raises(SystemExit, match=r"kind='pair'.*the data set digits$"):
        trained(tmp_path / "refused", "--label_noise=0.4", "--noise_kind=class")
    assert not (tmp_path / "refused").exists()


def test_flags_from_a_file(tmp_path):
    file = tmp_path / "flags.txt"
    file.write_text("--method=asam\n--rho=0.7\n--epochs=1\n")
    printed = start(f"--flagfile={file}", f"--workdir={tmp_path / 'runs'}", "--rho=0.9")
    assert "asam, rho 0.9" in printed
    assert len(metrics(tmp_path / "runs" / "asam" / "seed_0")) == 1
