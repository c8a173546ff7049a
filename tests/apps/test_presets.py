"""The rows of the published tables, as values of the apps' flags."""

import math
import re

import pytest

from keras_sam.experiments.flags import command_line, finetune_efficientnet, train_resnet
from keras_sam.experiments.presets import Preset, from_scratch
from keras_sam.experiments.training.entries import entries
from keras_sam.experiments.training.planning import resolved

from .conftest import metrics, start

APPS = {"train_resnet": train_resnet, "finetune_efficientnet": finetune_efficientnet}
EVERY = [(name, preset) for name, app in APPS.items() for preset in app.PRESETS]


def options(app, *arguments):
    """The options that a command line comes to, without any training."""
    return resolved(command_line.read(app.FLAGS, ["app", *arguments]))


@pytest.mark.parametrize("app, name", EVERY)
def test_values_are_such_as_the_flags_take(app, name):
    flags = APPS[app].FLAGS
    preset = APPS[app].PRESETS[name]
    for values in (preset.flags, *preset.by_dataset.values()):
        for key, value in values.items():
            text = ",".join(value) if isinstance(value, list) else value
            parsed = None if value is None else flags[key].parser.parse(text)
            assert parsed == value and type(parsed) is type(value), key


@pytest.mark.parametrize("smoke", ["--nosmoke", "--smoke"])
@pytest.mark.parametrize("app, name", EVERY)
def test_every_preset_is_a_run_that_can_be_planned(app, name, smoke):
    app = APPS[app]
    for dataset in (None, *app.PRESETS[name].by_dataset):
        other = [f"--dataset={dataset}"] if dataset else []
        found = options(app, f"--preset={name}", smoke, *other)
        assert found["preset"] == name and entries(found)
        assert found["dataset"] == (dataset or app.PRESETS[name].flags["dataset"])


def test_every_experiment_has_its_presets():
    experiments = {name.partition("_")[0] for name in from_scratch.PRESETS}
    assert experiments == {f"e{n}" for n in (1, 2, *range(4, 11))}
    assert {name.partition("_")[0] for name in finetune_efficientnet.PRESETS} == {"e3"}
    assert len(finetune_efficientnet.PRESETS) == 2 * 9  # Two networks on nine data sets.


def test_the_command_comes_before_the_preset():
    found = options(train_resnet, "--preset=e6", "--epochs=7", "--seeds=1", "--learning_rate=0.5")
    assert (found["epochs"], found["seeds"], found["learning_rate"]) == (7, ["1"], 0.5)
    # Plain training keeps its twice as many.
    assert (found["plain_epochs"], found["batch_size"]) == (14, 128)
    assert (
        options(train_resnet, "--preset=e6", "--epochs=7", "--plain_epochs=9")["plain_epochs"] == 9
    )
    # Also where it says what is the flag's default anyhow.
    assert options(train_resnet, "--preset=e6", "--epochs=60")["epochs"] == 60


def test_the_learning_rate_of_fine_tuning_follows_the_batch():
    preset = "--preset=e3_l2_cars"
    assert options(finetune_efficientnet, preset)["scaling"] == ""
    found = options(finetune_efficientnet, preset, "--batch_size=64")
    assert found["learning_rate"] == pytest.approx(0.001)
    assert "learning_rate=0.001 is the preset's 0.008 for a batch of 512" in found["scaling"]
    given = options(finetune_efficientnet, preset, "--batch_size=64", "--learning_rate=0.5")
    assert (given["learning_rate"], given["scaling"]) == (0.5, "")
    # Experiment B compares batch sizes at one rate.
    assert options(train_resnet, "--preset=e7", "--batch_size=32")["learning_rate"] == 0.01


def test_a_preset_differs_by_data_set():
    preset = "--preset=e1_wrn28_10"
    assert options(train_resnet, preset)["rho"] == 0.05
    assert options(train_resnet, preset, "--dataset=cifar100")["rho"] == 0.1
    assert options(train_resnet, preset, "--dataset=cifar100", "--rho=0.3")["rho"] == 0.3
    svhn = options(train_resnet, preset, "--dataset=svhn")
    assert (svhn["rho"], svhn["learning_rate"], svhn["augment"]) == (0.01, 0.01, ["autoaugment"])


@pytest.mark.parametrize("app, preset", [("train_resnet", "e6"), (EVERY[-1])])
def test_a_method_takes_the_place_of_the_presets_comparison(app, preset):
    assert options(APPS[app], f"--preset={preset}")["compare"] == ["sgd", "sam"]
    found = options(APPS[app], f"--preset={preset}", "--method=asam")
    assert (found["compare"], found["method"]) == ([], "asam")
    found = options(APPS[app], f"--preset={preset}", "--compare=sam,asam")
    assert found["compare"] == ["sam", "asam"]


def test_rows_of_the_sam_paper_are_trained_as_its_code_does():
    """Decay through the loss, a clip, Nesterov's momentum, reflected edges, SGD twice as long."""
    presets = {name: preset.flags for name, preset in from_scratch.PRESETS.items()}
    for name, flags in presets.items():
        assert flags.get("weight_decay", 0) == 0
        if name.startswith(("e1_", "e2_", "e4_")):
            assert (flags["clipnorm"], flags["nesterov"]) == (5.0, True)
            assert flags.get("padding") == ("reflect" if "basic" in flags["augment"] else None)
        if name.startswith("e1_"):
            assert flags["plain_epochs"] == 2 * flags["epochs"] and len(flags["seeds"]) == 5
    decays = [presets[f"e1_{name}"]["l2"] for name in ("wrn28_10", "shake_shake")]
    assert [*decays, presets["e2_resnet50"]["l2"]] == [5e-4, 1e-3, 1e-4]
    tuned = options(finetune_efficientnet, "--preset=e3_b7_flowers")
    assert (tuned["l2"], tuned["weight_decay"]) == (1e-5, 0.0)


def test_epochs_of_the_command_replace_the_steps_of_the_preset():
    preset = "--preset=e3_b7_flowers"
    assert options(finetune_efficientnet, preset)["steps"] == 5000
    assert options(finetune_efficientnet, preset, "--epochs=3")["steps"] is None
    assert options(finetune_efficientnet, preset, "--epochs=3", "--steps=9")["steps"] == 9


def test_values_of_a_preset_are_checked_as_a_commands_are(monkeypatch):
    for wrong in ({"schedule": "step", "warmup_epochs": 1.0}, {"epochs": 0}, {"optimizer": "sdg"}):
        preset = Preset("Of no table.", {"dataset": "digits"} | wrong)
        monkeypatch.setitem(train_resnet.FLAGS["preset"].presets, "e6", preset)
        with pytest.raises(ValueError, match=rf"Received: --{next(iter(wrong))}="):
            options(train_resnet, "--preset=e6")


@pytest.mark.parametrize("app", APPS)
def test_help_lists_every_preset(app, capsys):
    with pytest.raises(SystemExit) as ended:
        command_line.parse(APPS[app].FLAGS, ["app", "--help"], "What the app does.")
    shown = capsys.readouterr().out
    assert not ended.value.code
    for name, preset in APPS[app].PRESETS.items():
        assert re.search(rf"^  {name} +{re.escape(preset.source)}$", shown, re.MULTILINE)


@pytest.mark.parametrize(
    "app, typed, meant",
    [
        ("train_resnet", "e1_wrn2810", "did you mean e1_wrn28_10 "),
        ("finetune_efficientnet", "e3_b7_flower", "did you mean e3_b7_flowers "),
    ],
)
def test_unknown_preset_names_the_nearest(app, typed, meant, tmp_path):
    with pytest.raises(SystemExit, match=rf"{meant}.*Received: --preset={typed}$"):
        start(f"--preset={typed}", f"--workdir={tmp_path}", app=APPS[app])


def test_a_preset_runs_shrunken_and_prints_its_settings(tmp_path):
    printed = start("--preset=e8", "--smoke", f"--workdir={tmp_path}", first=())
    assert "a small network in the place of resnet18 on digits in the place of cifar10" in printed
    for setting in ("normalization=none", "inputs=unit", "l2=0.0005", "schedule=cosine"):
        assert f" {setting} " in f" {printed} ".replace("\n", " ")
    for method in ("sam", "asam"):
        (line,) = metrics(tmp_path / method / "seed_1")
        assert all(map(math.isfinite, line.values()))
