"""Invented folders of runs for the report."""

import contextlib
import io
import json
import zipfile

from keras_sam.experiments.report import command

SETTINGS = {
    "model": "resnet18",
    "dataset": "cifar10",
    "augment": "none",
    "method": "sgd",
    "method_arguments": {},
    "rho": None,
    "num_batch_splits": None,
    "epochs": 4,
    "batch_size": 128,
    "label_noise": 0.0,
    "learning_rate": 0.01,
    "momentum": 0.0,
    "schedule": "constant",
    "optimizer": "sgd",
    "weight_decay": 0.0,
    "num_train": None,
    "num_test": None,
    "data_dir": None,
    "backend": "jax",
}


def make_run(workdir, accuracy, seed=0, finished=True, folder=None, **settings):
    """Writes the folder of a run whose accuracy, in percent, rises to the given one.

    Args:
        workdir: Path.
        accuracy: Float, in percent.
        seed: Integer. Defaults to 0.
        finished: Whether there is a model. Defaults to `True`.
        folder: Name of the method's folder. Defaults to `None`: the method and its radius.
        **settings: Settings that differ from `SETTINGS`.

    Returns:
        Path of the run's folder.
    """
    settings = SETTINGS | {"seed": seed} | settings
    name = folder or f"{settings['method']}_{settings['rho']}"
    path = workdir / name / f"seed_{seed}"
    path.mkdir(parents=True)
    (path / "settings.json").write_text(json.dumps(settings))
    lines = [json.dumps(line) + "\n" for line in history(accuracy, settings["epochs"])]
    (path / "metrics.jsonl").write_text("".join(lines))
    if finished:
        write_model(path / "model.keras")
    return path


def write_model(path):
    """Writes what passes for a trained model unless it is loaded."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")


def history(accuracy, epochs):
    """Metrics of each epoch, with two seconds of training and one of evaluation."""
    shares = [1 - 0.5 ** (epoch * 6 / epochs) for epoch in range(1, epochs)] + [1.0]
    return [
        {
            "epoch": epoch,
            "loss": 2.5 - 2.4 * share,
            "accuracy": share,
            "val_loss": 2.5 - 2 * share,
            "val_accuracy": accuracy * share / 100,
            "train_seconds": 2.0,
            "seconds": 3.0,
        }
        for epoch, share in enumerate(shares, start=1)
    ]


def write_report(*arguments):
    """Runs the app as its command line would; returns what it printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        command.main(["report.py", *arguments], "What a report shows.")
    return printed.getvalue()


def points(axes):
    """The points of each line with a label, by its label."""
    handles, labels = axes.get_legend_handles_labels()
    lines = [getattr(handle, "lines", [handle])[0] for handle in handles]
    return {label: line.get_xydata() for label, line in zip(labels, lines)}
