"""A training without a command line."""

import json

import pytest

from keras_sam import experiments

from .conftest import metrics, start


def test_a_call_is_the_command(tmp_path):
    flags = {"num_train": 64, "num_test": 50, "batch_size": 32, "epochs": 1, "verbose": 0}
    runs = experiments.train(
        compare=["sgd", "sam:0.3"], seeds=[0, 1], nesterov=True, workdir=tmp_path / "call", **flags
    )
    names = ["sgd/seed_0", "sgd/seed_1", "sam_rho_0.3/seed_0", "sam_rho_0.3/seed_1"]
    assert [run.path.relative_to(tmp_path / "call").as_posix() for run in runs] == names
    command = [f"--{name}={value}" for name, value in flags.items()]
    command += ["--compare=sgd,sam:0.3", "--seeds=0,1", "--nesterov"]
    start(*command, f"--workdir={tmp_path / 'command'}", first=())
    for run, name in zip(runs, names, strict=True):
        there = tmp_path / "command" / name
        assert run.finished and run.settings == json.loads((there / "settings.json").read_text())
        times = ("seconds", "train_seconds")
        assert metrics(run.path, but=times) == metrics(there, but=times)
    kept = [(tmp_path / way / "table.txt").read_text() for way in ("call", "command")]
    assert all("python apps/train_resnet.py --" in text and "--nesterov" in text for text in kept)


@pytest.mark.parametrize(
    "flags, message",
    [
        ({"epohcs": 3}, "Did you mean: epochs"),
        ({"epochs": 0}, "positive integer. Received: --epochs=0$"),
        ({"schedule": "step", "warmup_epochs": 1}, "Received: --schedule=step --warmup_epochs=1"),
        ({"dataset": "digit"}, "did you mean digits.*Received: --dataset=digit$"),
        ({"app": "train_resnt"}, "did you mean train_resnet.*Received: --app=train_resnt$"),
    ],
)
def test_mistakes_are_raised(flags, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        experiments.train(workdir=tmp_path / "refused", **flags)
    assert not (tmp_path / "refused").exists()
