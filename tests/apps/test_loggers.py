"""What is kept and logged for other programs: on disk, and to services by their stand-ins."""

import contextlib
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import keras
import pandas as pd
import pytest

from .conftest import metrics, start

SMALL = ("--num_train=40", "--num_test=20", "--method=sgd")


def test_epochs_are_logged_once_each_whatever_stops_there_are(tmp_path):
    arguments = (*SMALL, f"--workdir={tmp_path}", "--log=csv,tensorboard")
    start(*arguments, "--epochs=2")
    folder = tmp_path / "sgd" / "seed_0"
    rows = pd.read_csv(folder / "log.csv")
    kept = metrics(folder)
    assert rows["epoch"].tolist() == [0, 1]
    assert rows["val_loss"].tolist() == pytest.approx([line["val_loss"] for line in kept])
    assert list(folder.glob("tensorboard/**/events.out.tfevents*"))
    assert "log" not in json.loads((folder / "settings.json").read_text())
    start(*SMALL, f"--workdir={tmp_path}", "--epochs=1", "--overwrite")
    assert not (folder / "log.csv").exists() and not (folder / "tensorboard").exists()


class Stand:
    """Modules in the place of wandb and mlflow, which note what is asked of them."""

    def __init__(self, monkeypatch):
        self.calls, self.epochs = [], []
        stand = self

        class Logger(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                stand.epochs.append((epoch, sorted(logs)))

        run = SimpleNamespace(finish=lambda: self.calls.append(("finish", {})))
        modules = {
            "wandb": {"init": lambda **given: self.calls.append(("init", given)) or run},
            "wandb.integration": {},
            "wandb.integration.keras": {"WandbMetricsLogger": Logger},
            "mlflow": {
                "set_experiment": lambda name: self.calls.append(("experiment", name)),
                "start_run": self.started,
                "log_params": lambda settings: self.calls.append(("params", settings)),
            },
            "mlflow.keras": {"MlflowCallback": Logger},
        }
        for name, content in modules.items():
            module = ModuleType(name)
            vars(module).update(content)
            monkeypatch.setitem(sys.modules, name, module)

    @contextlib.contextmanager
    def started(self, run_name):
        self.calls.append(("start", run_name))
        yield
        self.calls.append(("end", run_name))


def test_services_get_settings_and_epochs(tmp_path, monkeypatch):
    stand = Stand(monkeypatch)
    start(*SMALL, f"--workdir={tmp_path / 'work'}", "--epochs=1", "--log=wandb,mlflow")
    folder = tmp_path / "work" / "sgd" / "seed_0"
    settings = json.loads((folder / "settings.json").read_text())
    names = [name for name, _ in stand.calls]
    assert names == ["init", "experiment", "start", "params", "end", "finish"]
    given, params = stand.calls[0][1], stand.calls[3][1]
    assert given["name"] == "work/sgd/seed_0" and given["resume"] == "allow"
    assert json.loads(json.dumps(given["config"])) == settings == json.loads(json.dumps(params))
    assert stand.epochs and all("val_accuracy" in logs for _, logs in stand.epochs)


def test_a_logger_that_is_not_there_is_said_before_any_training(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(SystemExit, match=r"needs wandb.*pip install wandb.*Received: "):
        start(*SMALL, f"--workdir={tmp_path / 'work'}", "--log=wandb")
    assert not (tmp_path / "work").exists()


def test_runs_are_data_for_other_programs(compared):
    """One line a run: its settings, and the numbers of the table."""
    workdir = compared[0]
    rows = json.loads((workdir / "runs.json").read_text())
    table = pd.read_csv(workdir / "runs.csv")
    assert table["settings.method"].tolist() == [row["settings"]["method"] for row in rows]
    for row, run in zip(rows, table.to_dict("records"), strict=True):
        last = metrics(Path(row["run"]))[-1]
        assert row["state"] == run["state"] == "finished"
        assert row["accuracy"] == pytest.approx(100 * last["val_accuracy"]) == run["accuracy"]
        assert row["settings"] == json.loads((Path(row["run"]) / "settings.json").read_text())
