"""Trains one run, or goes on with it where it stopped."""

import contextlib
import math

import _building
import keras
from _callbacks import CompletedEpochs, SeedsOfEpoch

from keras_sam import backend, datasets

EVALUATION_BATCH = 1000
DEVICES = 8  # Multiples of it are shared evenly by most machines' devices.
PIXELS_AT_ONCE = 1000 * 32 * 32  # Of an evaluation: large images come in smaller batches.


def check(settings, dataset):
    """Makes what a run trains and trains on once, so that a mistake shows before any training.

    Args:
        settings: Dictionary of a run's settings.
        dataset: A `keras_sam.datasets.Dataset` with clean labels.

    Raises:
        ValueError: If the network, its weights or the batches cannot be made.
    """
    _training_batches(settings, dataset, _building.needs_one_hot(settings))
    if settings["distribute"] == "all":
        with backend.on_all_devices():  # PyTorch has no such thing.
            _check_shares(settings, dataset)
    _building.base_model(settings, dataset)
    keras.utils.clear_session()


def _check_shares(settings, dataset):
    """JAX gives every device as many images as the others."""
    devices = len(keras.distribution.list_devices()) if backend.name == "jax" else 1
    sizes = {"batch_size": settings["batch_size"], "num_test": len(dataset.y_test)}
    for flag, size in sizes.items():
        if size % devices:
            raise ValueError(
                f"With --distribute=all {flag} must be a multiple of the {devices} devices. "
                f"Received: {flag}={size}"
            )


def train(folder, dataset, verbose):
    """Trains the run of a folder to its last epoch.

    Args:
        folder: The `RunFolder`, with the resolved settings.
        dataset: A `keras_sam.datasets.Dataset` with clean labels.
        verbose: Integer, 0 to 2, as in Keras's `fit`.
    """
    settings = folder.settings
    folder.begin()
    keras.utils.clear_session()
    keras.utils.set_random_seed(settings["seed"])
    precision = settings["mixed_precision"]
    keras.config.set_dtype_policy("float32" if precision == "none" else f"mixed_{precision}")
    everywhere = settings["distribute"] == "all"
    with backend.on_all_devices() if everywhere else contextlib.nullcontext():
        base = _building.base_model(settings, dataset)
        _fit(folder, dataset, base, verbose)
    folder.finish(base)


def _fit(folder, dataset, base, verbose):
    settings, one_hot = folder.settings, _building.needs_one_hot(folder.settings)
    batches = _training_batches(settings, dataset, one_hot)
    epochs = epochs_of(settings, batches.num_batches)
    steps = epochs * batches.num_batches
    model = _building.compiled(settings, base, dataset.num_classes, steps)
    model.fit(
        batches,
        initial_epoch=folder.restore(model),
        epochs=epochs,
        validation_data=dataset.test_batches(
            _evaluation_batch(dataset), one_hot, augment=settings["augment"]
        ),
        callbacks=[
            batches.follow_epochs(),
            SeedsOfEpoch(settings["seed"]),
            CompletedEpochs(folder),
        ],
        shuffle=False,  # The batches are shuffled; Keras's own order would not survive a stop.
        verbose=verbose,
    )


def epochs_of(settings, num_batches):
    """Epochs to train: those of the settings, or as many as its `steps` need.

    Args:
        settings: Dictionary of a run's settings.
        num_batches: Integer, steps of an epoch.

    Returns:
        Integer.
    """
    steps = settings.get("steps")
    return math.ceil(steps / num_batches) if steps else settings["epochs"]


def _training_batches(settings, dataset, one_hot):
    seed = settings["seed"]
    noisy = datasets.with_label_noise(
        dataset, settings["label_noise"], seed, kind=settings["noise_kind"]
    )
    return noisy.training_batches(
        settings["batch_size"],
        seed,
        augment=settings["augment"],
        one_hot=one_hot,
        mixup_alpha=settings["mixup_alpha"],
    )


def _evaluation_batch(dataset):
    height, width = dataset.input_shape[:2]
    fitting = min(EVALUATION_BATCH, PIXELS_AT_ONCE // (height * width), len(dataset.y_test))
    return max(1, fitting // DEVICES * DEVICES) if fitting > DEVICES else max(1, fitting)
