"""Trains several methods on the same seeds and sums up what came out."""

import dataclasses
import textwrap
from pathlib import Path

import _entries
import _options
import _report
import _workdir
import keras
from _training import is_nan, train

from keras_sam import datasets
from keras_sam.datasets.extras import import_extra


@dataclasses.dataclass(frozen=True)
class Comparison:
    """All that is needed to train, checked.

    Args:
        dataset: The `keras_sam.datasets.Dataset`, with clean labels.
        runs: Dictionary from a method's label to the list of its `RunFolder`s, one a seed.
        workdir: Path of the folder that holds them all.
    """

    dataset: datasets.Dataset
    runs: dict
    workdir: Path


def plan(options):
    """Checks everything that can be checked before training, and loads the data.

    Args:
        options: Dictionary of the app's flags.

    Returns:
        A `Comparison`.

    Raises:
        ValueError: If an option is wrong, or the work directory holds other runs.
        FileNotFoundError: If the data are missing.
        ImportError: If an optional package is missing.
    """
    _options.check(options)
    entries, seeds = _entries.entries(options), _options.seeds(options)
    workdir = Path(options["workdir"])
    runs = {
        entry.label: [
            _workdir.RunFolder(
                workdir / entry.folder / f"seed_{seed}", _options.settings(options, entry, seed)
            )
            for seed in seeds
        ]
        for entry in entries
    }
    folders = [folder for label in runs for folder in runs[label]]
    _workdir.check(workdir, folders, options["resume"], options["overwrite"])
    import_extra("matplotlib.figure", "matplotlib")  # Better now than after the training.
    names = ("dataset", "data_dir", "num_train", "num_test")
    dataset = datasets.get(*(options[name] for name in names))
    if options["overwrite"]:
        _workdir.clear(workdir)
    workdir.mkdir(parents=True, exist_ok=True)
    return Comparison(dataset, runs, workdir)


def run(comparison, options, command):
    """Trains every run that is not finished, then prints the table and draws the figures.

    Args:
        comparison: A `Comparison`.
        options: Dictionary of the app's flags.
        command: String, the command line, to keep with the table.

    Returns:
        List of the names of the runs that an error ended.
    """
    planned = [(label, folder) for label, runs in comparison.runs.items() for folder in runs]
    print(_headline(comparison, options), flush=True)
    failed = []
    for number, (label, folder) in enumerate(planned, start=1):
        name = f"{label}, seed {folder.settings['seed']}"
        counted = f"[{number}/{len(planned)}] {name}"
        if folder.finished:
            print(f"{counted}: finished before", flush=True)
            continue
        print(counted, flush=True)
        print(f"{counted}: {_trained(folder, comparison.dataset, options['verbose'])}", flush=True)
        if not folder.finished:
            failed.append(name)
    _sum_up(comparison, options, command)
    return failed


def _headline(comparison, options):
    dataset = comparison.dataset
    return (
        f"{options['model']} on {dataset.name} ({len(dataset.y_train)} training images, "
        f"{options['label_noise']:.0%} of them with a wrong label; {len(dataset.y_test)} test "
        f"images with clean labels), {options['epochs']} epochs, Keras {keras.version()} on "
        f"{keras.backend.backend()}"
    )


def _trained(folder, dataset, verbose):
    """Trains a run; returns in one line what came of it."""
    try:
        train(folder, dataset, verbose)
    except Exception as error:  # Whatever it is, the other runs are worth having.
        folder.fail(error)
        # A compiler's message can be pages long; `error.txt` has all of it.
        reason = textwrap.shorten(str(error), 500, placeholder=" …")
        return f"failed: {type(error).__name__}: {reason}"
    return _result(folder)


def _result(folder):
    history = folder.history()
    seconds = sum(line["seconds"] for line in history)
    if is_nan(history[-1]):
        return f"diverged in epoch {len(history)}: the loss is not a number"
    return f"{history[-1]['val_accuracy']:.1%} of the test images in {seconds:.0f} s"


def _sum_up(comparison, options, command):
    title = _title(comparison, options)
    text, paths = _report.report(comparison, _headline(comparison, options), title, command)
    print(f"\n{title}\n\n{text}\n")
    for path in paths:
        print(f"{'table' if path.suffix == '.txt' else 'figure':<8}{path}")
    for runs in comparison.runs.values():
        numbers = ",".join(str(folder.settings["seed"]) for folder in runs)
        method = runs[0].path.parent
        print(f"runs    {method}/seed_{numbers}/: settings.json, metrics.jsonl, model.keras")


def _title(comparison, options):
    title = f"{options['model']} on {comparison.dataset.name}"
    if options["label_noise"]:
        title += f", {options['label_noise']:.0%} of the training labels wrong"
    if len(options["seeds"]) > 1:
        title += f", mean ± deviation over {len(options['seeds'])} seeds"
    return title
