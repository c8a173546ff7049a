"""Checks the options of a training app and resolves them into the settings of each run."""

from pathlib import Path

import keras
from _entries import PLAIN, check_known

from keras_sam import checks, datasets, models
from keras_sam.datasets.noise import check_fraction

OPTIMIZERS = {
    "sgd": keras.optimizers.SGD,
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "rmsprop": keras.optimizers.RMSprop,
    "lion": keras.optimizers.Lion,
}
CHOICES = {
    "model": models.list(),
    "dataset": datasets.list(),
    "optimizer": list(OPTIMIZERS),
    "schedule": ["constant", "cosine", "step"],
    "augment": ["none", "basic"],
    "mixed_precision": ["none", "float16", "bfloat16"],
    "jit_compile": ["auto", "true", "false"],
}
WITH_MOMENTUM = ("sgd", "rmsprop")


def check(options):
    """Refuses values that no run could use, before anything is loaded.

    Args:
        options: Dictionary of the app's flags.

    Raises:
        ValueError: If a value is unknown or out of range.
    """
    for flag, choices in CHOICES.items():
        check_known(flag, options[flag], choices)
    for flag in ("epochs", "batch_size"):
        checks.positive_integer(flag, options[flag])
    for flag in ("num_train", "num_test", "num_batch_splits"):
        if options[flag] is not None:
            checks.positive_integer(flag, options[flag])
    checks.positive("learning_rate", options["learning_rate"])
    checks.non_negative("weight_decay", options["weight_decay"])
    check_fraction(options["label_noise"])
    _check_momentum(options["optimizer"], options["momentum"])


def _check_momentum(optimizer, momentum):
    if momentum is None:
        return
    if optimizer not in WITH_MOMENTUM:
        raise ValueError(
            f"Only {' and '.join(WITH_MOMENTUM)} take --momentum: leave it out. "
            f"Received: --optimizer={optimizer} --momentum={momentum}"
        )
    if not 0 <= momentum < 1:
        raise ValueError(f"momentum must be in [0, 1). Received: --momentum={momentum}")


def seeds(options):
    """The seeds to train on.

    Args:
        options: Dictionary of the app's flags.

    Returns:
        List of integers.

    Raises:
        ValueError: If a seed is not an integer of at least 0, or comes twice.
    """
    texts = [text.strip() for text in options["seeds"]]
    if not texts or not all(text.isdecimal() for text in texts) or len(set(texts)) < len(texts):
        raise ValueError(
            "seeds must be different integers of at least 0, separated by commas, as in 0,1,2. "
            f"Received: --seeds={','.join(texts)}"
        )
    return [int(text) for text in texts]


def settings(options, entry, seed):
    """The resolved settings of one run: all that its result depends on.

    Args:
        options: Dictionary of the app's flags.
        entry: The run's `Entry`.
        seed: Integer.

    Returns:
        Dictionary that JSON can hold.
    """
    shared = ("model", "dataset", "epochs", "batch_size", "optimizer", "learning_rate")
    shared += ("schedule", "weight_decay", "augment", "label_noise", "mixed_precision")
    shared += ("jit_compile", "num_train", "num_test")
    momentum = options["momentum"]
    if momentum is None and options["optimizer"] in WITH_MOMENTUM:
        momentum = 0.0 if entry.updates_itself else 0.9
    folder = options["data_dir"]
    return {key: options[key] for key in shared} | {
        "backend": keras.backend.backend(),
        "data_dir": None if folder is None else str(Path(folder).resolve()),
        "method": entry.method,
        "method_arguments": entry.arguments,
        "momentum": momentum,
        "num_batch_splits": None if entry.method == PLAIN else options["num_batch_splits"],
        "rho": entry.rho,
        "seed": seed,
    }
