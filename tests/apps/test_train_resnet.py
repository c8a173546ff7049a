"""What the app prints and leaves behind."""

import json

import keras
import numpy as np
import pytest
from PIL import Image

from keras_sam import datasets, models
from keras_sam.experiments.flags import command_line, train_resnet
from keras_sam.experiments.training import building, planning

from .conftest import metrics, start, weights

METRICS = {"epoch", "loss", "accuracy", "val_loss", "val_accuracy", "train_seconds", "seconds"}
METRICS |= {"top5", "val_top5"}


def test_table_holds_mean_and_interval_over_the_seeds(compared):
    workdir, printed = compared
    lines = printed.splitlines()
    rows = lines[next(i for i, line in enumerate(lines) if line.startswith("method")) :][:3]
    for title in ("test accuracy, %", "final train loss", "seconds"):
        end = rows[0].index(title) + len(title)
        assert all(row[end - 1].isdigit() and row[end] == " " for row in rows[1:]), "not aligned"
    for row, folder in zip(rows[1:], ("sgd", "sam_rho_0.3"), strict=True):
        last = [metrics(workdir / folder / f"seed_{seed}")[-1] for seed in (0, 1)]
        accuracies = [100 * line["val_accuracy"] for line in last]
        losses = [line["loss"] for line in last]
        # Of two values a 95 % interval is 12.7062 / sqrt(2) times as wide as their deviation.
        wide = 12.7062 / np.sqrt(2)
        assert f"{np.mean(accuracies):.1f} ± {wide * np.std(accuracies, ddof=1):.1f}" in row
        assert f"{np.mean(losses):.3f} ± {wide * np.std(losses, ddof=1):.3f}" in row
    assert rows[1].startswith("sgd ") and rows[2].startswith("sam, rho 0.3 ")
    for path in (f"{workdir}/curves.png", f"{workdir}/sgd/", f"{workdir}/sam_rho_0.3/"):
        assert path in printed


@pytest.mark.parametrize("method", ["sgd", "sam_rho_0.3"])
def test_files_of_a_run(compared, method):
    folder = compared[0] / method / "seed_1"
    assert sorted(path.name for path in folder.iterdir()) == [
        "environment.jsonl",
        "lock",
        "metrics.jsonl",
        "model.keras",
        "settings.json",
    ]
    settings = json.loads((folder / "settings.json").read_text())
    assert settings["seed"] == 1 and settings["momentum"] == 0.9  # Resolved from the default.
    assert settings["rho"] == (None if method == "sgd" else 0.3)
    assert settings["backend"] == keras.backend.backend()
    lines = metrics(folder)
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    assert all(set(line) == METRICS for line in lines)


def test_saved_model_is_the_plain_one_that_was_measured(compared):
    folder = compared[0] / "sam_rho_0.3" / "seed_0"
    model = keras.models.load_model(folder / "model.keras")
    assert type(model).__module__.startswith("keras.")
    data = datasets.digits(num_test=50)
    accuracy = np.mean(model.predict(data.x_test, verbose=0).argmax(-1) == data.y_test)
    assert accuracy == pytest.approx(metrics(folder)[-1]["val_accuracy"])


def test_methods_of_a_seed_start_alike_and_end_apart(compared):
    first = [metrics(compared[0] / m / "seed_0") for m in ("sgd", "sam_rho_0.3")]
    ends = [weights(compared[0] / m / "seed_0") for m in ("sgd", "sam_rho_0.3")]
    assert first[0][0]["loss"] == pytest.approx(first[1][0]["loss"], rel=0.2)
    assert not np.allclose(ends[0][0], ends[1][0])


def test_figure_is_a_picture_with_two_kinds_of_lines(compared):
    picture = np.asarray(Image.open(compared[0] / "curves.png").convert("RGB"), dtype=int)
    height, width, _ = picture.shape
    assert height > 600 and width > 900
    for color in ((0, 114, 178), (213, 94, 0)):  # The first two of the style sheet.
        assert (np.abs(picture - color).sum(-1) < 30).sum() > 200


@pytest.mark.everywhere
def test_every_training_option_at_once(tmp_path):
    printed = start(
        "--method=multistep",
        "--method_arguments=steps=2,projection=True",
        "--rho=0.1",
        "--p=inf",
        "--num_batch_splits=2",
        "--optimizer=adamw",
        "--learning_rate=0.001",
        "--schedule=step",
        "--weight_decay=0.01",
        "--augment=basic",
        "--label_noise=0.25",
        "--mixed_precision=bfloat16",
        "--epochs=1",
        f"--workdir={tmp_path}",
    )
    settings = json.loads((tmp_path / "multistep" / "seed_0" / "settings.json").read_text())
    assert settings["method_arguments"] == {
        "rho": 0.1,
        "p": float("inf"),
        "steps": 2,
        "projection": True,
    }
    assert settings["momentum"] is None and settings["num_batch_splits"] == 2
    assert "25% of them with a wrong label" in printed and "multistep, rho 0.1" in printed
    model = keras.models.load_model(tmp_path / "multistep" / "seed_0" / "model.keras")
    assert model.layers[1].compute_dtype == "bfloat16"


@pytest.mark.parametrize("method", ["sgd", "sam_rho_0.3"])
def test_compilation_is_the_users_choice(compared, method):
    settings = json.loads((compared[0] / method / "seed_0" / "settings.json").read_text())
    for flag, expected in (("true", True), ("false", False)):
        base_model = models.convnet()
        model = building.compiled(settings | {"jit_compile": flag}, base_model, 10, steps=10)
        assert model.jit_compile is expected


@pytest.mark.parametrize(
    "schedule, rates",
    [
        ("constant", [0.4, 0.4, 0.4, 0.4]),
        ("cosine", [0.4, 0.2, 0.05857864, 0.0]),
        ("linear", [0.4, 0.2, 0.1, 0.0]),
        ("step", [0.4, 0.4, 0.04, 0.004]),
    ],
)
def test_schedules(schedule, rates):
    settings = {"schedule": schedule, "learning_rate": 0.4, "warmup_epochs": 0.0, "epochs": 1}
    rate = building._learning_rate(settings, steps=100)
    found = [float(rate(step)) if callable(rate) else rate for step in (0, 50, 75, 100)]
    # At a boundary the rate before it still holds.
    assert found == pytest.approx(rates, abs=1e-6)


def test_steps_of_the_schedule_are_where_they_are_asked_for():
    own = {"schedule_steps": [0.3, 0.6, 0.8], "schedule_factor": 0.2}
    settings = {"schedule": "step", "learning_rate": 0.5, **own}
    rate = building._learning_rate(settings, steps=10)
    found = [float(rate(step)) for step in range(11)]
    assert found == pytest.approx([0.5] * 4 + [0.1] * 3 + [0.02] * 2 + [0.004] * 2)


def test_cifar_from_the_command_line(tmp_path):
    from ..datasets.test_cifar import write_bundle

    write_bundle(tmp_path)
    arguments = ("--dataset=cifar10", f"--data_dir={tmp_path}", "--model=convnet", "--method=sgd")
    limits = ("--num_train=20", "--num_test=10", "--batch_size=10", "--epochs=1")
    printed = start(*arguments, *limits, "--augment=basic", f"--workdir={tmp_path / 'runs'}")
    assert "convnet on cifar10 (20 training images" in printed
    model = keras.models.load_model(tmp_path / "runs" / "sgd" / "seed_0" / "model.keras")
    assert model.count_params() == models.get("convnet", (32, 32, 3), 10).count_params()


@pytest.mark.once
def test_photographs_are_resized_on_request(tmp_path):
    from ..datasets.test_cifar import write_bundle

    write_bundle(tmp_path)

    def planned(*more):
        flags = ("--dataset=cifar10", f"--data_dir={tmp_path}", f"--workdir={tmp_path}", *more)
        plan = planning.plan(command_line.read(train_resnet.FLAGS, ["app", *flags]))
        ((run,),) = plan.runs.values()
        return plan.dataset.input_shape, run.settings.get("image_size", "none")

    assert planned("--image_size=16") == ((16, 16, 3), 16)
    assert planned() == ((32, 32, 3), "none")  # As in older runs, which go on.
