"""Trains one run, or goes on with it where it stopped."""

import contextlib
import math
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import keras

from keras_sam import backend, datasets
from keras_sam.datasets import Dataset
from keras_sam.datasets.batches import WHOLE, Batches, OrderedBatches
from keras_sam.experiments.results.folder import RunFolder
from keras_sam.experiments.training import (
    averaging,
    building,
    environment,
    features,
    fitted,
    loggers,
    losses,
    shares,
    watching,
)
from keras_sam.experiments.training.callbacks import (
    CompletedEpochs,
    SeedsOfEpoch,
    StopsBetweenSteps,
    WarnsAboveChance,
)
from keras_sam.experiments.training.relabelling import relabelled

EVALUATION_BATCH = 1000
PIXELS_AT_ONCE = 256 * 224 * 224  # Of an evaluation: large images come in smaller batches.
EVALUATIONS = 50  # Of a run that counts steps: its passes over few images may be thousands.


def check_made(settings: dict[str, Any], dataset: Dataset) -> None:
    """Makes what a run trains and trains on once, so that a mistake shows before any training.

    Raises:
        ValueError: If the network, its weights or the batches cannot be made.
    """
    if settings["distribute"] == "all":
        with backend.on_all_devices():
            shares.check(settings, dataset)
    noisy = with_noise(settings, dataset)
    _training_batches(settings, noisy, losses.needs_one_hot(settings))
    building.base_model(settings, dataset)
    keras.utils.clear_session()


def train(folder: RunFolder, dataset: Dataset, verbose: str, log: Sequence[str] = ()) -> None:
    """Trains the run of a folder to its last epoch.

    Args:
        folder: The `RunFolder`, with the resolved settings.
        dataset: A `keras_sam.datasets.Dataset` with clean labels.
        verbose: String, `"0"` to `"2"`, as in Keras's `fit`, or `"auto"`.
        log: Names of `loggers.LOGGERS`. Defaults to none.
    """
    settings = folder.settings
    folder.begin()
    environment.keep(folder)
    keras.utils.clear_session()
    keras.utils.set_random_seed(settings["seed"])
    precision = settings["mixed_precision"]
    keras.config.set_dtype_policy("float32" if precision == "none" else f"mixed_{precision}")
    everywhere = settings["distribute"] == "all"
    with backend.on_all_devices() if everywhere else contextlib.nullcontext():
        base = building.base_model(settings, dataset)
        with warnings.catch_warnings():  # Which runs diverged, and when, is said in a line of ours.
            warnings.filterwarnings("ignore", message="The training has left")
            _fit(folder, dataset, base, verbose, log)
    folder.finish(base)


def _fit(
    folder: RunFolder, dataset: Dataset, base: keras.Model, verbose: str, log: Sequence[str]
) -> None:
    settings, one_hot = folder.settings, losses.needs_one_hot(folder.settings)
    noisy = with_noise(settings, dataset)
    batches = _training_batches(settings, noisy, one_hot, shares.share())
    tests = _test_batches(settings, shares.with_own_tests(dataset), one_hot)
    epochs = settings["epochs"]
    steps = epochs * batches.num_batches
    model = building.compiled(settings, base, dataset.num_classes, steps)
    model.optimizer.build(model.trainable_variables)  # As all processes do.
    with shares.by_itself():
        completed = backend.told_by_first(folder.restore(model))
    # It was stopped between its last epoch and its end.
    if backend.told_by_first(folder.has_ended):
        return
    if not completed and settings.get("head_epochs"):
        # Every process trains it, on all of each batch, and comes to the same.
        features.train_head(settings, base, _training_batches(settings, noisy, one_hot))
    if completed:
        print(f"  going on after epoch {completed} of {epochs}", flush=True)
    callbacks = [
        StopsBetweenSteps(),
        batches.follow_epochs(),
        SeedsOfEpoch(settings["seed"], backend.process()),
        *shares.callbacks(batches, tests),
        *averaging.callbacks(folder, completed, batches),
        *watching.callbacks(folder, noisy, one_hot),
        *fitted.callbacks(settings, noisy),
        CompletedEpochs(folder),
        WarnsAboveChance(settings, dataset.num_classes),
    ]
    with loggers.opened(log, folder, completed) as logging:
        model.fit(
            batches,
            initial_epoch=completed,
            epochs=epochs,
            validation_freq=_passes_between_evaluations(epochs) if settings.get("steps") else 1,
            validation_data=tests,
            callbacks=[*callbacks, *logging],  # What is logged is kept.
            shuffle=False,  # The batches are shuffled; Keras's own order would not survive a stop.
            verbose=verbosity(verbose),
        )


def verbosity(verbose: str) -> int:
    """Keras's number: a progress bar is for a terminal, and fills a file."""
    return (1 if sys.stdout.isatty() else 2) if verbose == "auto" else int(verbose)


def epochs_of(options: dict[str, Any], dataset: Dataset) -> int:
    """Passes over the training images: those asked for, or as many as `steps` need."""
    if not options.get("steps"):
        return options["epochs"]
    examples = len(dataset.y_train)
    epochs = math.ceil(options["steps"] / (examples // min(options["batch_size"], examples)))
    between = _passes_between_evaluations(epochs)
    return math.ceil(epochs / between) * between  # The last pass is evaluated.


def _passes_between_evaluations(epochs: int) -> int:
    return math.ceil(epochs / EVALUATIONS)


def with_noise(settings: dict[str, Any], dataset: Dataset) -> Dataset:
    """The data set with the training labels of a run."""
    noise, kind = settings["label_noise"], settings["noise_kind"]
    noisy = datasets.with_label_noise(dataset, noise, settings["seed"], kind=kind)
    labels_from = settings.get("labels_from")
    return relabelled(noisy, labels_from, settings["augment"]) if labels_from else noisy


def _training_batches(
    settings: dict[str, Any], noisy: Dataset, one_hot: bool, share: tuple[int, int] = WHOLE
) -> Batches:
    return noisy.training_batches(
        settings["batch_size"],
        settings["seed"],
        augment=settings["augment"],
        one_hot=one_hot,
        mixup_alpha=settings["mixup_alpha"],
        padding=settings.get("padding", "zeros"),
        share=share,
    )


def _test_batches(settings: dict[str, Any], dataset: Dataset, one_hot: bool) -> OrderedBatches:
    size = evaluation_batch(settings, dataset)
    return dataset.test_batches(size, one_hot, augment=settings["augment"])


def evaluation_batch(settings: dict[str, Any], dataset: Dataset) -> int:
    """How many test images to look at together."""
    pixels = math.prod(dataset.input_shape[:2])
    fitting = min(EVALUATION_BATCH, PIXELS_AT_ONCE // pixels, len(dataset.y_test))
    devices = shares.devices() if settings["distribute"] == "all" else 1
    return max(1, fitting // devices) * devices
