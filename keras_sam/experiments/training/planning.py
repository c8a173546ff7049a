"""Checks everything that can be checked before training, and loads the data."""

import dataclasses
import functools
from pathlib import Path

from keras_sam import datasets
from keras_sam.checks import import_extra
from keras_sam.experiments.presets import preset as _presets
from keras_sam.experiments.presets import smoke as _smoke
from keras_sam.experiments.results import workdir as _workdir
from keras_sam.experiments.training import entries as _entries
from keras_sam.experiments.training import options as _options
from keras_sam.experiments.training import run as _training
from keras_sam.experiments.training import settings as _settings


@dataclasses.dataclass(frozen=True)
class Comparison:
    """All that is needed to train, checked.

    Args:
        options: Dictionary of the app's flags, with preset and smoke applied.
        dataset: The `keras_sam.datasets.Dataset`, with clean labels.
        runs: Dictionary from a method's label to the list of its `RunFolder`s, one a seed.
        workdir: Path of the folder that holds them all.
    """

    options: dict
    dataset: datasets.Dataset
    runs: dict
    workdir: Path

    @functools.cached_property
    def label_noise(self):
        """Share of the training labels that are wrong: not all classes have one to be taken for."""
        share, kind = self.options["label_noise"], self.options["noise_kind"]
        noisy = datasets.with_label_noise(self.dataset, share, 0, kind)
        return (noisy.y_train != noisy.y_train_clean).mean()


def plan(options, given=(), presets=None):
    """Resolves the options of an app into the runs that they ask for.

    Args:
        options: Dictionary of the app's flags.
        given: Collection of the names of flags that the command sets itself. Defaults to none.
        presets: Dictionary from a name to its `Preset`. Defaults to none.

    Returns:
        A `Comparison`.

    Raises:
        ValueError: If an option is wrong, or the work directory holds other runs.
        FileNotFoundError: If the data are missing.
        ImportError: If an optional package is missing.
    """
    options = resolved(options, given, presets or {})
    import_extra("matplotlib.figure", "matplotlib")  # Better now than after the training.
    dataset = loaded(options)
    options["epochs"] = _training.epochs_of(options, dataset)
    entries, seeds = _entries.entries(options), _options.seeds(options)
    workdir = Path(options["workdir"])
    runs = {
        entry.label: [
            _workdir.RunFolder(
                workdir / entry.folder / f"seed_{seed}", _settings.settings(options, entry, seed)
            )
            for seed in seeds
        ]
        for entry in entries
    }
    folders = [folder for label in runs for folder in runs[label]]
    _workdir.check(workdir, folders, options["resume"], options["overwrite"])
    _training.check(folders[0].settings, dataset)  # All runs have the same network and batches.
    if options["overwrite"]:
        _workdir.clear(workdir)
    workdir.mkdir(parents=True, exist_ok=True)
    return Comparison(options, dataset, runs, workdir)


def resolved(options, given, presets):
    """The options as they will be used, checked, without any data.

    Args:
        options: Dictionary of the app's flags.
        given: Collection of the names of flags that the command sets itself.
        presets: Dictionary from a name to its `Preset`.

    Returns:
        New dictionary, with preset and smoke applied.

    Raises:
        ValueError: If an option is wrong.
    """
    options = _smoke.shrunk(_presets.applied(options, given, presets))
    _options.check(options)
    return options | _options.resolved(options)


def loaded(options):
    """Loads the data set that the options name.

    Args:
        options: Dictionary of an app's flags, or of a run's settings.

    Returns:
        A `keras_sam.datasets.Dataset`, with clean labels.
    """
    name = options["dataset"]
    sizes = options["num_train"], options["num_test"]
    if _smoke.needs_stand_in(options):
        dataset = _smoke.stand_in(name, *sizes)
    else:
        size = {"image_size": options["image_size"]} if options.get("image_size") else {}
        dataset = datasets.get(name, options["data_dir"], *sizes, **size)
    if options["holdout"]:
        dataset = datasets.holdout(dataset, options["holdout"])
    inputs = options.get("inputs")
    return dataset if inputs is None else datasets.with_inputs(dataset, inputs)
