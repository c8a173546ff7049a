"""Checks everything that can be checked before training, and loads the data."""

import dataclasses
import functools
from pathlib import Path
from typing import Any

import numpy as np

from keras_sam import datasets
from keras_sam.checks import import_extra
from keras_sam.experiments import launch
from keras_sam.experiments.presets import smoke
from keras_sam.experiments.results import workdir
from keras_sam.experiments.results.folder import RunFolder
from keras_sam.experiments.training import loggers
from keras_sam.experiments.training.building import check_combination
from keras_sam.experiments.training.entries import Entry, entries, named
from keras_sam.experiments.training.evaluating import Others, others
from keras_sam.experiments.training.options import check, check_splits, meanings, seeds
from keras_sam.experiments.training.relabelling import check_there
from keras_sam.experiments.training.run import check_made, epochs_of
from keras_sam.experiments.training.settings import settings


@dataclasses.dataclass(frozen=True)
class Comparison:
    """All that is needed to train, checked.

    Args:
        options: Dictionary of the app's flags, with preset and smoke applied.
        dataset: The `keras_sam.datasets.Dataset`, with clean labels.
        runs: Dictionary from a method's label to the list of its `RunFolder`s, one a seed.
        workdir: Path of the folder that holds them all.
        others: `Others`, what to test on besides.
    """

    options: dict[str, Any]
    dataset: datasets.Dataset
    runs: dict[str, list[RunFolder]]
    workdir: Path
    others: Others

    @functools.cached_property
    def label_noise(self) -> float:
        """Share of the training labels that are wrong: not all classes have one to be taken for."""
        share, kind = self.options["label_noise"], self.options["noise_kind"]
        noisy = datasets.with_label_noise(self.dataset, share, 0, kind)
        return (noisy.y_train != noisy.y_train_clean).mean()


def plan(options: dict[str, Any]) -> Comparison:
    """Resolves the options of an app into the runs that they ask for.

    Raises:
        ValueError: If an option is wrong, or the work directory holds other runs.
        FileNotFoundError: If the data are missing.
        ImportError: If an optional package is missing.
    """
    options = resolved(options)
    import_extra("matplotlib.figure", "matplotlib")  # Better now than after the training.
    loggers.check(options["log"])
    if options["download"]:
        datasets.download(options["dataset"], options["data_dir"])
    planned = _planned(options)
    place, folders = planned.workdir, [f for runs in planned.runs.values() for f in runs]
    workdir.check(place, folders, options["resume"], options["overwrite"])
    # All runs have the same network and batches.
    check_made(folders[0].settings, planned.dataset)
    if options["overwrite"]:
        for left in workdir.clear(place):
            print(f"left    {left}", flush=True)
    place.mkdir(parents=True, exist_ok=True)
    return planned


def followed(options: dict[str, Any]) -> Comparison:
    """The same plan in a process that another one leads, whose files are that one's.

    Raises:
        ValueError: If an option is wrong.
        FileNotFoundError: If the data are missing.
        ImportError: If an optional package is missing.
    """
    return _planned(resolved(options | {"evaluate_on": []}))


def _planned(options: dict[str, Any]) -> Comparison:
    """The runs and their data, without a look at what is in the work directory."""
    dataset = loaded(options)
    tested_on = others(options, dataset)
    check_splits(options["num_batch_splits"], options["batch_size"], len(dataset.y_train))
    options["epochs"] = epochs_of(options, dataset)
    place = Path(options["workdir"])
    runs = {
        entry.label: [
            RunFolder(place / entry.folder / f"seed_{seed}", settings(options, entry, seed))
            for seed in seeds(options)
        ]
        for entry in (_with_classes(entry, options, dataset) for entry in fitting(options))
    }
    for folder in (folder for label in runs for folder in runs[label]):
        check_there(folder.settings)
    return Comparison(options, dataset, runs, place, tested_on)


def _with_classes(entry: Entry, options: dict[str, Any], dataset: datasets.Dataset) -> Entry:
    """What a method for long tails has to know of the classes, unless the command says it."""
    if not options["imbalance"]:
        return entry
    counts = np.bincount(np.asarray(dataset.y_train_clean), minlength=dataset.num_classes)
    told: dict[str, dict[str, Any]] = {
        "focal_sam": {"class_counts": counts.tolist()},
        "imb_sam": {"tail_classes": np.flatnonzero(counts < counts.mean()).tolist()},
    }
    return dataclasses.replace(entry, arguments=told.get(entry.method, {}) | entry.arguments)


def fitting(options: dict[str, Any]) -> list[Entry]:
    """The methods to train, which fit the optimizer and the splits.

    Raises:
        ValueError: If one that the command names does not; of `"all"` those fail by themselves,
            but with several processes, which a failed run would leave out of step.
    """
    found = entries(options)
    for entry in found:
        if entry.method in named(options) or launch.processes() > 1:
            check_combination(settings(options, entry, seed=0))
    return found


def resolved(options: dict[str, Any]) -> dict[str, Any]:
    """The options as they will be used, checked, without any data.

    Raises:
        ValueError: If an option is wrong.
        ImportError: If an optional package is missing.
    """
    options = smoke.shrunk(options)
    check(options)
    return options | meanings(options)


def loaded(options: dict[str, Any]) -> datasets.Dataset:
    """Loads the data set that an app's options or a run's settings name, with clean labels."""
    name = options["dataset"]
    sizes = options["num_train"], options["num_test"]
    if smoke.needs_stand_in(options):
        dataset = smoke.stand_in(name, *sizes)
    else:
        size = {"image_size": options["image_size"]} if options.get("image_size") else {}
        dataset = datasets.get(name, options["data_dir"], *sizes, **size)
    if options["holdout"]:
        dataset = datasets.holdout(dataset, options["holdout"])
    if options.get("imbalance"):  # Older runs have no such setting.
        dataset = datasets.with_imbalance(dataset, options["imbalance"])
    inputs = options.get("inputs")
    return dataset if inputs is None else datasets.with_inputs(dataset, inputs)
