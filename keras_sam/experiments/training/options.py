"""Checks the options of a training app, before anything is loaded."""

import keras

from keras_sam import checks, datasets, models
from keras_sam.datasets.noise import check_fraction
from keras_sam.datasets.recipe import check_names
from keras_sam.experiments.training import watching as _watching
from keras_sam.experiments.training.entries import assignments, check_known
from keras_sam.experiments.training.settings import WITH_MOMENTUM

OPTIMIZERS = {
    "sgd": keras.optimizers.SGD,
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "rmsprop": keras.optimizers.RMSprop,
    "lion": keras.optimizers.Lion,
}
CHOICES = {
    "dataset": datasets.list(),
    "optimizer": list(OPTIMIZERS),
    "schedule": ["constant", "cosine", "linear", "step"],
    "noise_kind": ["symmetric", "pair", "class"],
    "normalization": ["batch", "group", "layer", "none"],
    "inputs": ["standardised", "unit", "centred", "pixels"],
    "model_source": ["keras", "keras_cv", "keras_hub"],
    "mixed_precision": ["none", "float16", "bfloat16"],
    "jit_compile": ["auto", "true", "false"],
    "distribute": ["none", "all"],
}
POSITIVE_INTEGERS = ("epochs", "batch_size", "steps_per_execution")
IF_GIVEN = ("num_train", "num_test", "num_batch_splits", "plain_epochs", "steps", "image_size")
SHARES = ("label_smoothing", "holdout", "dropout")


def check(options):
    """Refuses values that no run could use.

    Args:
        options: Dictionary of the app's flags.

    Raises:
        ValueError: If a value is unknown or out of range.
    """
    choices = CHOICES if "weights" in options else CHOICES | {"model": models.list()}
    for flag in (flag for flag in choices if options.get(flag) is not None):
        check_known(flag, options[flag], choices[flag])
    given = [flag for flag in IF_GIVEN if options.get(flag) is not None]
    for flag in (*POSITIVE_INTEGERS, *given):
        checks.positive_integer(flag, options[flag])
    for flag in ("learning_rate", "mixup_alpha"):
        checks.positive(flag, options[flag])
    for flag in ("weight_decay", "warmup_epochs"):
        checks.non_negative(flag, options[flag])
    for flag in SHARES:
        checks.share(flag, options.get(flag, 0.0))
    check_fraction(options["label_noise"])
    check_names(options["augment"])
    if options.get("steps") and options["plain_epochs"]:
        raise ValueError(
            "Count either steps or epochs: leave one of them out. "
            f"Received: --steps={options['steps']} --plain_epochs={options['plain_epochs']}"
        )
    _check_optimizer(options)
    _watching.check(options)
    if options["steps_per_execution"] > 1 and keras.backend.backend() == "torch":
        raise ValueError(
            "Keras takes one step at a time with PyTorch: leave --steps_per_execution out. "
            f"Received: --steps_per_execution={options['steps_per_execution']}"
        )


def _check_optimizer(options):
    optimizer, momentum = options["optimizer"], options["momentum"]
    if options["clipnorm"] is not None:
        checks.positive("clipnorm", options["clipnorm"])
    if options["nesterov"] and optimizer != "sgd":
        raise ValueError(
            f"Only sgd takes --nesterov: leave it out. Received: --optimizer={optimizer}"
        )
    if options["warmup_epochs"] and options["schedule"] != "cosine":
        raise ValueError(
            "Warm-up is part of the cosine schedule: choose it or leave --warmup_epochs out. "
            f"Received: --schedule={options['schedule']}"
        )
    if momentum is None:
        return
    if optimizer not in WITH_MOMENTUM:
        raise ValueError(
            f"Only {' and '.join(WITH_MOMENTUM)} take --momentum: leave it out. "
            f"Received: --optimizer={optimizer} --momentum={momentum}"
        )
    if not 0 <= momentum < 1:
        raise ValueError(f"momentum must be in [0, 1). Received: --momentum={momentum}")


def resolved(options):
    """What texts of a fine-tuning app's command line stand for.

    Args:
        options: Dictionary of the app's flags.

    Returns:
        Dictionary of the options to replace; empty for another app.
    """
    if "weights" not in options:
        return {}
    is_random = options["smoke"] or options["weights"] == "none"
    return {
        "weights": None if is_random else options["weights"],
        "model_arguments": assignments("model_arguments", options["model_arguments"]),
        "inputs": "pixels",  # Each network scales them for itself.
    }


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
