"""What the app prints and leaves behind, and how it goes on after a stop."""

import json
import os
import re
import subprocess
import sys

import _training
import _workdir
import keras
import numpy as np
import pytest
from PIL import Image

from keras_sam import datasets, models

from .conftest import APPS, start

METRICS = {"epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds"}


def metrics(folder, but=()):
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in but} for line in lines]


def weights(folder):
    return keras.models.load_model(folder / "model.keras").get_weights()


def test_table_holds_mean_and_deviation_over_the_seeds(compared):
    workdir, printed = compared
    lines = printed.splitlines()
    rows = lines[next(i for i, line in enumerate(lines) if line.startswith("method")) :][:3]
    assert len({len(row) for row in rows}) == 1, "columns are not aligned"
    for row, folder in zip(rows[1:], ("sgd", "sam_rho_0.3"), strict=True):
        last = [metrics(workdir / folder / f"seed_{seed}")[-1] for seed in (0, 1)]
        accuracies = [100 * line["val_accuracy"] for line in last]
        losses = [line["loss"] for line in last]
        assert f"{np.mean(accuracies):.1f} ± {np.std(accuracies, ddof=1):.1f}" in row
        assert f"{np.mean(losses):.3f} ± {np.std(losses, ddof=1):.3f}" in row
    assert rows[1].startswith("sgd ") and rows[2].startswith("sam, rho 0.3 ")
    for path in (f"{workdir}/curves.png", f"{workdir}/sgd/", f"{workdir}/sam_rho_0.3/"):
        assert path in printed


@pytest.mark.parametrize("method", ["sgd", "sam_rho_0.3"])
def test_files_of_a_run(compared, method):
    folder = compared[0] / method / "seed_1"
    assert sorted(path.name for path in folder.iterdir()) == [
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
    for color in ((31, 119, 180), (255, 127, 14)):  # Matplotlib's first two.
        assert (np.abs(picture - color).sum(-1) < 30).sum() > 200


def test_resume_skips_finished_runs_and_adds_new_ones(compared, tmp_path):
    workdir = tmp_path / "copy"
    workdir.mkdir()
    for path in compared[0].glob("*/seed_0/*"):
        target = workdir / path.relative_to(compared[0])
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    before = {path: path.stat().st_mtime_ns for path in workdir.glob("*/seed_0/*")}
    printed = start(
        "--compare=sgd,sam:0.3,sam:0.1", "--seeds=0", f"--workdir={workdir}", "--resume"
    )
    assert printed.count("finished before") == 2
    assert len(re.findall(r"^(?:sgd|sam, rho 0\.[13]) +\d", printed, re.MULTILINE)) == 3
    assert before == {path: path.stat().st_mtime_ns for path in before}
    assert (workdir / "sam_rho_0.1" / "seed_0" / "model.keras").is_file()


@pytest.mark.parametrize("where", ["complete_epoch", "restore"])
@pytest.mark.parametrize("method", ["sgd", "sam_rho_0.3"])
def test_resumed_run_equals_the_unbroken_one(compared, tmp_path, monkeypatch, method, where):
    arguments = (f"--compare={method.replace('_rho_', ':')}", f"--workdir={tmp_path}")
    with monkeypatch.context() as patch, pytest.raises(SystemExit, match="--resume goes on"):
        _stop(patch, where)
        start(*arguments)
    folder = tmp_path / method / "seed_0"
    kept = {"epoch_00001.weights.h5", "metrics.jsonl"} if where == "complete_epoch" else set()
    assert {path.name for path in folder.iterdir()} == kept | {"settings.json"}
    assert not kept or len(metrics(folder)) == 2
    start(*arguments, "--resume")
    unbroken = compared[0] / method / "seed_0"
    # A stop changes nothing but the time.
    assert metrics(folder, but=["seconds"]) == metrics(unbroken, but=["seconds"])
    for ours, theirs in zip(weights(folder), weights(unbroken), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def _stop(patch, where):
    """Interrupts the run before its first epoch, or while its second is being kept."""
    original = getattr(_workdir.RunFolder, where)

    def stopped(folder, model, *line):
        if where == "complete_epoch" and line[0]["epoch"] == 1:
            return original(folder, model, *line)
        if where == "complete_epoch":  # The line is there already, the checkpoint is not.
            patch.setattr(model, "save_weights", _interrupt)
            return original(folder, model, *line)
        return _interrupt()

    patch.setattr(_workdir.RunFolder, where, stopped)


def _interrupt(*arguments):
    raise KeyboardInterrupt


def test_other_settings_are_named(compared):
    workdir, _ = compared
    with pytest.raises(SystemExit) as caught:
        start("--compare=sgd,sam:0.3", f"--workdir={workdir}", "--resume", "--epochs=4")
    message = caught.value.code
    assert "epochs=4 instead of 3" in message and str(workdir) in message
    assert "\n" not in message and "batch_size" not in message


def test_another_method_must_share_the_settings_of_the_work_directory(compared):
    with pytest.raises(SystemExit, match=r"label_noise=0\.2 instead of 0\.0"):
        start("--method=asam", f"--workdir={compared[0]}", "--resume", "--label_noise=0.2")


def test_results_are_not_written_over(compared):
    with pytest.raises(SystemExit, match=r"--resume .* --overwrite .*Received: --workdir="):
        start("--compare=sgd,sam:0.3", "--seeds=0,1", f"--workdir={compared[0]}")


def test_overwrite_removes_runs_and_nothing_else(tmp_path):
    old = tmp_path / "asam" / "seed_7"
    old.mkdir(parents=True)
    (old / "settings.json").write_text("{}")
    (tmp_path / "notes.txt").write_text("mine")
    printed = start("--method=sgd", f"--workdir={tmp_path}", "--overwrite", "--epochs=1")
    assert "finished before" not in printed
    assert not old.exists() and (tmp_path / "notes.txt").read_text() == "mine"


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
        model = _training._compiled(settings | {"jit_compile": flag}, base_model, 10)
        assert model.jit_compile is expected


@pytest.mark.parametrize(
    "schedule, rates",
    [
        ("constant", [0.4, 0.4, 0.4, 0.4]),
        ("cosine", [0.4, 0.2, 0.05857864, 0.0]),
        ("step", [0.4, 0.4, 0.04, 0.004]),
    ],
)
def test_schedules(schedule, rates):
    settings = {"schedule": schedule, "learning_rate": 0.4}
    rate = _training._learning_rate(settings, steps=100)
    found = [float(rate(step)) if callable(rate) else rate for step in (0, 50, 75, 100)]
    # At a boundary the rate before it still holds.
    assert found == pytest.approx(rates, abs=1e-6)


def test_cifar_from_the_command_line(tmp_path):
    from ..datasets.test_cifar import write_bundle

    write_bundle(tmp_path)
    arguments = ("--dataset=cifar10", f"--data_dir={tmp_path}", "--model=convnet", "--method=sgd")
    limits = ("--num_train=20", "--num_test=10", "--batch_size=10", "--epochs=1")
    printed = start(*arguments, *limits, "--augment=basic", f"--workdir={tmp_path / 'runs'}")
    assert "convnet on cifar10 (20 training images" in printed
    model = keras.models.load_model(tmp_path / "runs" / "sgd" / "seed_0" / "model.keras")
    assert model.count_params() == models.get("convnet", (32, 32, 3), 10).count_params()


def command(*arguments, **environment):
    script = [sys.executable, str(APPS / "train_resnet.py")]
    return subprocess.run(
        [*script, *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        env=os.environ | {"PYTHONPATH": str(APPS.parent)} | environment,
    )


def test_help_teaches():
    shown = command("--help")
    assert shown.stdout.index("python apps/train_resnet.py --label_noise=0.4") < 200
    for flag in ("--compare", "--num_batch_splits", "--[no]resume", "--method_arguments"):
        assert re.search(rf"^ +{re.escape(flag)}:", shown.stdout, re.MULTILINE), flag
    assert "(default: '60')" in shown.stdout


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--epohcs=3"], "Did you mean: epochs"),
        (["--epochs=many"], "--epochs=many"),
        (["epochs=3"], "two dashes.*Received: epochs=3"),
    ],
)
def test_mistyped_command_ends_in_one_line(arguments, message):
    ended = command(*arguments)
    assert ended.returncode == 1 and not ended.stdout
    assert ended.stderr.count("\n") == 1 and re.search(message, ended.stderr)


def test_wrong_value_ends_in_one_line():
    ended = command("--dataset=cifar10", "--data_dir=nowhere")
    assert ended.returncode == 1 and not ended.stdout
    # TensorFlow has more to say while it is imported.
    last = ended.stderr.splitlines()[-1]
    assert last.startswith("train_resnet.py: cifar10 is read from a folder that holds ")
    assert "Traceback" not in ended.stderr


def test_missing_backend_is_explained(tmp_path):
    (tmp_path / "jax.py").write_text("raise ModuleNotFoundError('No jax', name='jax')")
    path = f"{tmp_path}{os.pathsep}{APPS.parent}"
    ended = command(KERAS_BACKEND="jax", PYTHONPATH=path)
    assert ended.returncode == 1 and "Traceback" not in ended.stderr
    assert "with the variable KERAS_BACKEND. Received: No jax" in ended.stderr.splitlines()[-1]
