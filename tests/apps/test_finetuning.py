"""The fine-tuning app, on a network of the smallest kind."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_sam import models
from keras_sam.experiments.flags import finetune_efficientnet

from .conftest import metrics, start

SMALL = (
    "--model=mobilenet",
    "--model_arguments=alpha=0.25",
    "--image_size=32",
    "--method=sam",
    "--verbose=0",
)


def tuned(workdir, *arguments):
    first = (*SMALL, f"--workdir={workdir}")
    return start(*arguments, app=finetune_efficientnet, first=first)


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    """The folder of a shrunken run, and what it printed."""
    workdir = tmp_path_factory.mktemp("finetuned")
    return workdir / "sam" / "seed_0", tuned(workdir, "--smoke", "--learning_rate=0.1")


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
    alone = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    shown = subprocess.run(
        [sys.executable, "-c", code, str(smoke[0] / "model.keras")],
        capture_output=True,
        text=True,
        timeout=200,
        env=alone,
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
