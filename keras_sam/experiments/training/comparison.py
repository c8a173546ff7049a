"""Trains several methods on the same seeds and sums up what came out."""

import errno
import math
import textwrap
from typing import Any

import keras

from keras_sam.datasets import long_tail
from keras_sam.experiments import launch, stopping
from keras_sam.experiments.presets import smoke
from keras_sam.experiments.results import summary
from keras_sam.experiments.results.files import RunError
from keras_sam.experiments.results.folder import SETTINGS, RunFolder
from keras_sam.experiments.results.workdir import check_same
from keras_sam.experiments.training import environment, progress
from keras_sam.experiments.training.entries import PLAIN
from keras_sam.experiments.training.features import Probe, probe
from keras_sam.experiments.training.planning import Comparison
from keras_sam.experiments.training.run import train, with_noise
from keras_sam.experiments.training.settings import described
from keras_sam.experiments.training.together import follow, lead

KINDS = {".txt": "table", ".csv": "data", ".json": "data"}  # Of files; others are figures.
NO_SPACE = "No space left"  # The words of the system, also in what HDF5 makes of its error.


def is_full(error: OSError) -> bool:
    """Whether an `OSError` says that a disk, or a user's share of it, is full."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT) or NO_SPACE in str(error)


def run(comparison: Comparison, command: str) -> list[str]:
    """Trains every run that is not finished, then prints the table and draws the figures.

    Args:
        comparison: A `Comparison`.
        command: String, the command line, to keep with the table.

    Returns:
        List of the names of the runs that an error ended.
    """
    if launch.follows():
        follow(comparison)
        return []
    options = comparison.options
    planned = [(label, folder) for label, runs in comparison.runs.items() for folder in runs]
    print(_headline(comparison), flush=True)
    print(f"  {environment.described()}", flush=True)
    if options["imbalance"]:
        print(f"  of each class: {long_tail.described(comparison.dataset)}", flush=True)
    if options["preset"] is not None:
        print(described(planned[-1][1].settings), flush=True)
    if options["scaling"]:
        print(f"  {options['scaling']}", flush=True)
    floor = _floor(comparison) if options.get("probe") else None
    failed = []
    for number, (label, folder) in enumerate(planned, start=1):
        name = f"{label}, seed {folder.settings['seed']}"
        counted = f"[{number}/{len(planned)}] {name}"
        if folder.finished and not comparison.others.missing(folder):
            folder.tidy()
            print(f"{counted}: finished before", flush=True)
            continue
        with folder.claimed() as is_ours:
            if not is_ours or (folder.finished and not comparison.others.missing(folder)):
                print(f"{counted}: another process trains it", flush=True)
                continue
            if (folder.path / SETTINGS).is_file():
                check_same(folder)  # Another process may have begun it after the plan.
            print(counted, flush=True)
            result = _trained(folder, comparison, options["verbose"])
            print(f"{counted}: {result}{_rest(planned)}", flush=True)
            if not folder.finished or comparison.others.missing(folder):
                failed.append(name)
                if launch.processes() > 1:
                    return failed  # What became of the other processes, nobody here knows.
    lead(None)
    _sum_up(comparison, command, floor)
    return failed


def _rest(planned: list[tuple[str, RunFolder]]) -> str:
    """How long the runs take that are left, in words; nothing where none is left."""
    left = progress.seconds_left([progress.state(folder) for _, folder in planned])
    return f"; the rest takes about {progress.duration(left)}" if left else ""


def _floor(comparison: Comparison) -> Probe:
    settings = next(iter(comparison.runs.values()))[0].settings
    found = probe(settings, with_noise(settings, comparison.dataset))
    print(found.text, flush=True)
    return found


def _headline(comparison: Comparison) -> str:
    dataset, options = comparison.dataset, comparison.options
    epochs = f"{options['epochs']} epochs"
    if options["plain_epochs"] and any(label == PLAIN for label in comparison.runs):
        epochs += f" ({options['plain_epochs']} of {PLAIN})"
    if options["optimizer"] != PLAIN:
        epochs += f" of {options['optimizer']} (in the row {PLAIN}: of it alone)"
    kind = dataset.kind
    return (
        f"{_network(options)} on {_images(options)} ({len(dataset.y_train)} training {kind}s, "
        f"{comparison.label_noise:.0%} of them with a wrong label; {len(dataset.y_test)} test "
        f"{kind}s with clean labels), {epochs}, Keras {keras.version()} on "
        f"{keras.backend.backend()}"
    )


def _images(options: dict[str, Any]) -> str:
    name = options["dataset"]
    return f"digits in the place of {name}" if smoke.needs_stand_in(options) else name


def _network(options: dict[str, Any]) -> str:
    name = options["model"]
    if "weights" in options:
        stays = smoke.pretrained(options) == (name, options["model_arguments"])
        return name if stays else f"a small EfficientNet in the place of {name}"
    return f"a small network in the place of {name}" if smoke.network(options) else name


def _trained(folder: RunFolder, comparison: Comparison, verbose: str) -> str:
    """Trains a run and tests it on other images; returns in one line what came of it."""
    try:
        with stopping.after_step():
            if not folder.finished:  # It may only lack a test.
                lead(folder)
                train(folder, comparison.dataset, verbose, comparison.options["log"])
            comparison.others.complete(folder)
    except OSError as error:
        if is_full(error):
            raise  # No other run could keep anything either.
        folder.fail(error)
        return f"failed: {error}"
    except RunError as error:
        folder.fail(error)
        return f"failed: {error}"
    except Exception as error:  # Whatever it is, the other runs are worth having.
        folder.fail(error)
        # A compiler's message can be pages long; `error.txt` has all of it.
        reason = textwrap.shorten(str(error), 500, placeholder=" …")
        return f"failed: {type(error).__name__}: {reason}"
    return _result(folder, comparison.dataset.kind)


def _result(folder: RunFolder, kind: str) -> str:
    history = folder.history()
    seconds = sum(line.get("seconds", math.nan) for line in history)
    duration = f" in {seconds:.0f} s" if math.isfinite(seconds) else ""
    if folder.has_diverged:
        return f"diverged in epoch {len(history)}: the loss is not finite"
    return f"{history[-1]['val_accuracy']:.1%} of the test {kind}s{duration}"


def _sum_up(comparison: Comparison, command: str, floor: Probe | None) -> None:
    title = _title(comparison)
    text, paths = summary.report(comparison, _headline(comparison), title, command, floor)
    print(f"\n{title}\n\n{text}\n")
    for path in paths:
        print(f"{KINDS.get(path.suffix, 'figure'):<8}{path}")
    for runs in comparison.runs.values():
        numbers = ",".join(str(folder.settings["seed"]) for folder in runs)
        method = runs[0].path.parent
        print(f"runs    {method}/seed_{numbers}/: settings.json, metrics.jsonl, model.keras")


def _title(comparison: Comparison) -> str:
    options = comparison.options
    title = f"{_network(options)} on {_images(options)}"
    if options["label_noise"]:
        title += f", {comparison.label_noise:.0%} of the training labels wrong"
    if options["imbalance"]:
        title += f", {options['imbalance']:g} times as many of the first class as of the last"
    if len(options["seeds"]) > 1:
        title += f", mean over {len(options['seeds'])} seeds"
    return title
