"""Trains several methods on the same seeds and sums up what came out."""

import dataclasses
from pathlib import Path

import _entries
import _options
import _report
import _workdir
import keras
from _training import train

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


def run(comparison, options):
    """Trains every run that is not finished, then prints the table and draws the figure.

    Args:
        comparison: A `Comparison`.
        options: Dictionary of the app's flags.
    """
    planned = [(label, folder) for label, runs in comparison.runs.items() for folder in runs]
    print(_headline(comparison, options), flush=True)
    for number, (label, folder) in enumerate(planned, start=1):
        name = f"[{number}/{len(planned)}] {label}, seed {folder.settings['seed']}"
        if folder.finished:
            print(f"{name}: finished before", flush=True)
            continue
        print(name, flush=True)
        train(folder, comparison.dataset, options["verbose"])
        print(f"{name}: {_result(folder)}", flush=True)
    _sum_up(comparison, options)


def _headline(comparison, options):
    dataset = comparison.dataset
    return (
        f"{options['model']} on {dataset.name} ({len(dataset.y_train)} training images, "
        f"{options['label_noise']:.0%} of them with a wrong label; {len(dataset.y_test)} test "
        f"images with clean labels), {options['epochs']} epochs, Keras {keras.version()} on "
        f"{keras.backend.backend()}"
    )


def _result(folder):
    history = folder.history()
    seconds = sum(line["seconds"] for line in history)
    return f"{history[-1]['val_accuracy']:.1%} of the test images in {seconds:.0f} s"


def _sum_up(comparison, options):
    histories = {
        label: [folder.history() for folder in runs] for label, runs in comparison.runs.items()
    }
    seeds = [folder.settings["seed"] for folder in next(iter(comparison.runs.values()))]
    figure = comparison.workdir / "curves.png"
    title = f"{options['model']} on {comparison.dataset.name}"
    if options["label_noise"]:
        title += f", {options['label_noise']:.0%} of the training labels wrong"
    if len(seeds) > 1:
        title += f", mean ± deviation over {len(seeds)} seeds"
    _report.draw(histories, title, figure)
    print(f"\n{title}\n\n{_report.table(histories)}\n\nfigure  {figure}")
    for runs in comparison.runs.values():
        method = runs[0].path.parent
        numbers = ",".join(map(str, seeds))
        print(f"runs    {method}/seed_{numbers}/: settings.json, metrics.jsonl, model.keras")
