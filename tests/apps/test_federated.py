"""Federated algorithms beside each other: the table, going on after a stop, and mistakes."""

import json
import types

import keras
import pytest
from matplotlib.figure import Figure

from keras_sam import models
from keras_sam.experiments.federated import command, on_flower, rounds

from .conftest import message_of, quietly

TINY = (
    *("--seeds=0", "--rounds=2", "--epochs=1", "--batch_size=512", "--clients=4", "--fraction=0.5"),
    *("--num_train=120", "--num_test=50", "--alpha=1", "--least=2", "--swa_start=0.5"),
    *("--swa_cycle=1", "--compare=fedlesam,mofedsam+swa:0.2"),
)


@pytest.fixture(autouse=True)
def linear(monkeypatch):
    """A small network in place of each: what is played is the same."""

    def small(name, shape, classes):
        layers = [keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(classes)]
        return keras.Sequential(layers)

    monkeypatch.setattr(models, "get", small)
    monkeypatch.setattr(Figure, "savefig", lambda _, path: path.touch())  # Takes a second.


def federated(*arguments):
    with quietly() as printed:
        command.main(["federated.py", *TINY, *arguments], "What it does.")
    return printed.getvalue()


def lines(folder):
    """All that is kept of the rounds but their times, by the run's folder."""
    return {
        str(path.parent.relative_to(folder)): [
            {k: v for k, v in json.loads(line).items() if k != "seconds"}
            for line in path.read_text().splitlines()
        ]
        for path in folder.glob("*/*/metrics.jsonl")
    }


def test_a_stopped_comparison_goes_on_to_the_same_end(tmp_path, monkeypatch):
    printed = federated(f"--workdir={tmp_path / 'whole'}", "--rounds=3")
    assert "mofedsam+swa:0.2" in printed and "over fedlesam" in printed
    table = (tmp_path / "whole" / "federated.txt").read_text()
    assert table.startswith("KERAS_BACKEND=") and (tmp_path / "whole" / "curves.png").exists()
    whole, save, stopped = lines(tmp_path / "whole"), rounds.Federation.save, set()

    def stop(federation, path):
        if federation.server.round == 2 and path not in stopped:
            stopped.add(path)
            raise KeyboardInterrupt  # Of the metrics, and not of the state: the round comes again.
        save(federation, path)

    monkeypatch.setattr(rounds.Federation, "save", stop)
    for _ in whole:
        with pytest.raises(SystemExit):
            federated(f"--workdir={tmp_path / 'stopped'}", "--rounds=3")
    federated(f"--workdir={tmp_path / 'stopped'}", "--rounds=3")
    assert lines(tmp_path / "stopped") == whole


@pytest.mark.parametrize(
    "flag, message",
    [
        ("--compare=fedsan", "Unknown algorithm: did you mean fedsam"),
        ("--compare=fedsam+ema", "Only +swa can follow"),
        ("--compare=fedsam,fedsam", "Name each algorithm once"),
        ("--compare=fedavg:0.1", "fedavg makes plain steps"),
        ("--alpha=0", "--alpha must be a finite number above 0"),
        ("--least=40", "fewer clients, or a larger alpha"),
        ("--dataset=cifar10", "Say where CIFAR-10 is"),
    ],
)
def test_wrong_flags_end_in_one_line(tmp_path, flag, message):
    refused = message_of(federated, "federated.py", tmp_path / "runs", "workdir", [flag])
    assert message in refused and "Received" in refused


def test_other_settings_and_damaged_files_are_named(tmp_path):
    federated(f"--workdir={tmp_path}", "--compare=fedavg")
    with pytest.raises(SystemExit, match=r'settings.json has other settings.*"beta": 0.5'):
        federated(f"--workdir={tmp_path}", "--compare=fedavg", "--beta=0.5")
    (tmp_path / "fedavg" / "seed_0" / "metrics.jsonl").write_text("{")
    with pytest.raises(SystemExit, match=r"metrics.jsonl must hold a line of JSON for each round"):
        federated(f"--workdir={tmp_path}", "--compare=fedavg")


def context(config, **node):
    return types.SimpleNamespace(run_config=config, node_config=node)


def test_the_run_configuration_of_flower_has_the_same_flags():
    config = {"compare": "fedasam", "seeds": "1", "num_train": 120, "least": 2, "alpha": 1.0}
    parts = [
        on_flower.data(context(config, **{"partition-id": place, "num-partitions": 3}))
        for place in range(3)
    ]
    assert sum(len(labels) for _, labels in parts) == 120
    assert on_flower.trainer(context(config)).algorithm.name == "fedasam"
    with pytest.raises(ValueError, match=r"^Each client has a part.*Received: partition-id=-1"):
        on_flower.data(context(config))
    with pytest.raises(ValueError, match="one algorithm and one seed"):
        on_flower.asked({"compare": "fedavg,fedsam"})
