"""The fine-tuning app, on a network of the smallest kind."""

import json
import re
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_sam import datasets, models
from keras_sam.experiments.flags import command_line, finetune_efficientnet
from keras_sam.experiments.presets import smoke as smoke_sizes
from keras_sam.experiments.training import building, comparison, features
from keras_sam.experiments.training.callbacks import WarnsAboveChance
from keras_sam.experiments.training.entries import entries
from keras_sam.experiments.training.planning import resolved
from keras_sam.experiments.training.settings import settings
from tests import one_backend

from .conftest import TIMES, metrics, start, stop_after_first_epoch, weights

SMALL = (
    "--model=mobilenet",
    "--model_arguments=alpha=0.25",
    "--image_size=32",
    "--method=sam",
    "--verbose=0",
)
HEAD_FIRST = ("--smoke", "--head_epochs=1", "--learning_rate=0.1")


def tuned(workdir, *arguments):
    first = (*SMALL, f"--workdir={workdir}")
    return start(*arguments, app=finetune_efficientnet, first=first)


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    """The folder of a shrunken run, and what it printed."""
    workdir = tmp_path_factory.mktemp("finetuned")
    return workdir / "sam" / "seed_0", tuned(workdir, *HEAD_FIRST)


def test_smoke_run_measures_the_best_and_the_best_five(smoke):
    folder, printed = smoke
    (line,) = metrics(folder)
    assert 0 <= line["val_accuracy"] <= line["val_top5"] <= 1 and np.isfinite(line["loss"])
    assert "mobilenet on digits in the place of oxford_flowers102" in printed
    settings = json.loads((folder / "settings.json").read_text())
    assert settings["model_arguments"] == {"alpha": 0.25} and settings["weights"] is None


def test_saved_model_opens_without_this_package(smoke):
    code = (
        "import sys, keras; m = keras.saving.load_model(sys.argv[1]);"
        "assert 'keras_sam' not in sys.modules; print(m.output_shape, m.input_shape)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code, str(smoke[0] / "model.keras")],
        capture_output=True,
        text=True,
        timeout=200,
        env=one_backend.environment(path=None),
        cwd=smoke[0],
    )
    assert shown.stdout.strip() == "(None, 10) (None, 32, 32, 3)", shown.stderr


def test_statistics_stay_while_their_scales_move(smoke):
    model = keras.saving.load_model(smoke[0] / "model.keras")
    # Keras's own values before any training.
    initial = {"moving_mean": 0.0, "moving_variance": 1.0, "gamma": 1.0, "beta": 0.0}
    moved = {name: [] for name in initial}
    for variable in model.weights:
        name = variable.path.rpartition("/")[-1]
        if name in initial:
            moved[name].append(np.abs(np.array(variable.numpy()) - initial[name]).max())
    assert len(moved["gamma"]) > 20
    assert max(moved["moving_mean"]) == 0 and max(moved["moving_variance"]) == 0
    assert max(moved["gamma"]) > 1e-5  # By the decay alone: random features are the same for all.


def refused(workdir, *arguments):
    with pytest.raises(SystemExit) as caught:
        tuned(workdir / "refused", *arguments)
    message = caught.value.code
    assert "\n" not in message and message.startswith("finetune_efficientnet.py: ")
    return message


def on_photographs(folder):
    """Arguments for a data set of photographs, an image folder of two colours."""
    from PIL import Image

    for part in ("train", "test"):
        for name, colour in (("red", (255, 0, 0)), ("blue", (0, 0, 255))):
            (folder / part / name).mkdir(parents=True)
            for number in range(4):
                Image.new("RGB", (40, 40), colour).save(folder / part / name / f"{number}.png")
    return f"--data_dir={folder}", "--dataset=image_folder", "--batch_size=4", "--epochs=1"


def test_weights_of_another_architecture_name_the_layers(tmp_path):
    other = models.pretrained("mobilenet", (32, 32, 3), 2, arguments={"alpha": 0.5})
    file = tmp_path / "other.keras"
    other.save(file)
    message = refused(tmp_path, *on_photographs(tmp_path / "images"), f"--weights={file}")
    assert "conv1" in message and "of another shape" in message


def test_weights_that_are_missing(tmp_path):
    arguments = on_photographs(tmp_path / "images")
    assert "no such file" in refused(tmp_path, *arguments, "--weights=nowhere.npz")


@pytest.mark.parametrize("size", [8, 31])
def test_image_too_small_for_the_stem(tmp_path, size):
    arguments = on_photographs(tmp_path / "images")
    message = refused(tmp_path, *arguments, f"--image_size={size}", "--weights=none")
    assert str(size) in message and "32" in message


def planned(*arguments):
    """The settings of the runs that a command line asks for."""
    options = resolved(command_line.read(finetune_efficientnet.FLAGS, ["app", *arguments]))
    return [settings(options, entry, 0) for entry in entries(options)]


@pytest.mark.parametrize("preset", ["e3_b7_cars", "e3_l2_cars"])
def test_a_small_network_stands_in_for_an_efficientnet(preset):
    argv = ["app", f"--preset={preset}", "--smoke"]
    options = resolved(command_line.read(finetune_efficientnet.FLAGS, argv))
    assert comparison._network(options).startswith("a small EfficientNet in the place of ")


def test_defaults_suit_pretrained_weights():
    sam, asam, own = planned("--compare=sam,asam,sam:0.05")
    assert (sam["rho"], asam["rho"], own["rho"]) == pytest.approx((0.01, 0.1, 0.05))
    assert (sam["warmup_epochs"], sam["clipnorm"]) == (2.0, 1.0)
    assert planned("--epochs=2")[0]["warmup_epochs"] == 0.5
    assert planned("--schedule=constant")[0]["warmup_epochs"] == 0.0
    assert planned("--rho=0.05")[0]["rho"] == 0.05
    # Older runs, which do not know of them, go on.
    assert not {"head_epochs", "keep_top"} & set(sam)


def test_a_resumed_run_leaves_the_head_as_it_is(smoke, tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(SystemExit, match="130"):
        stop_after_first_epoch(patch)
        tuned(tmp_path, *HEAD_FIRST)
    tuned(tmp_path, *HEAD_FIRST, "--resume")
    whole, stopped = smoke[0], tmp_path / "sam" / "seed_0"
    assert metrics(whole, but=TIMES) == metrics(stopped, but=TIMES)
    for ours, theirs in zip(weights(whole), weights(stopped), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.everywhere
def test_only_the_head_trains_in_its_epochs():
    given = planned(*SMALL, "--head_epochs=3", "--smoke")[0] | {"head_epochs": 3}
    data = smoke_sizes.stand_in("digits", 64, 20)
    base = building.base_model(given, data)
    before = base.get_weights()
    features.train_head(given, base, data.training_batches(16))
    after = base.get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(before[:-2], after[:-2]))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    images = data.prepare(np.asarray(data.x_train))
    assert loss(data.y_train, base(images)) < np.log(10)


def test_probe_is_the_floor_in_the_table(tmp_path):
    printed = tuned(tmp_path, "--smoke", "--probe")
    line = "linear probe: [0-9.]+ % of the test images, by ridge regression"
    assert len(re.findall(line, printed)) == 2  # Before the training and under the table.
    assert re.search(line, (tmp_path / "table.txt").read_text())


def test_probe_is_ridge_regression_on_what_the_head_takes(monkeypatch):
    pixels = keras.Input((8, 8, 1))
    dropped = keras.layers.Dropout(0.9)(keras.layers.Flatten()(pixels))
    base = keras.Model(pixels, keras.layers.Dense(10, name="logits")(dropped))
    monkeypatch.setattr(building, "base_model", lambda settings, dataset: base)
    found = features.probe(planned()[0] | {"augment": []}, datasets.digits())
    assert 91 < found.accuracy < 96  # Of the pixels.


@pytest.mark.parametrize(
    "loss, smoke, said", [(9.4, False, True), (2.2, False, False), (9.4, True, False)]
)
def test_loss_above_chance_is_said_with_what_to_try(loss, smoke, said, capsys):
    given = planned("--rho=0.3")[0] | {"smoke": smoke}
    callback = WarnsAboveChance(given, 12)
    callback.on_epoch_end(0, {"loss": loss})
    callback.on_epoch_begin(1)
    callback.on_epoch_end(1, {"loss": 9.9})
    callback.on_train_end()
    printed = capsys.readouterr().out
    assert printed.count("\n") == int(said)
    assert not said or ("9.40, is above ln 12 = 2.48" in printed and "--rho below 0.3" in printed)


def test_tensorflow_alone_computes_depthwise_convolutions_on_a_cpu(monkeypatch):
    monkeypatch.setattr(building.backend, "name", "tensorflow")
    given = planned(*SMALL, "--weights=none")[0]
    base = models.pretrained("mobilenet", (32, 32, 3), 2, arguments={"alpha": 0.25})
    devices = ["cpu:0"]
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: devices)
    assert building.jit_compile(given, base) is False
    assert building.jit_compile(given | {"jit_compile": "true"}, base) is True
    devices[:] = ["gpu:0"]
    assert building.jit_compile(given, base) == "auto"
