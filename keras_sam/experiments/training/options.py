"""What flags alone cannot tell of a training app's options, before anything is loaded."""

from typing import Any

import keras

from keras_sam import backend, datasets, models
from keras_sam.checks import import_extra
from keras_sam.datasets.recipe import check_names
from keras_sam.experiments.flags.checking import check_known, whole_numbers
from keras_sam.experiments.training.entries import assignments

SHARE_OF_RHO = 0.2  # Pretrained weights stand in sharper places than those of a fresh training.


def check(options: dict[str, Any]) -> None:
    """Refuses names that the library does not have, and what this machine cannot do.

    Raises:
        ValueError: If a name is unknown, or the backend has no such thing.
        ImportError: If an optional package is missing.
    """
    check_known("dataset", options["dataset"], datasets.list())
    if "weights" not in options:  # A pre-trained network's source knows its names.
        check_known("model", options["model"], models.list())
    check_names(options["augment"])
    check_splits(options["num_batch_splits"], options["batch_size"], options["num_train"])
    if options["steps_per_execution"] > 1 and keras.backend.backend() == "torch":
        raise ValueError(
            "Keras takes one step at a time with PyTorch: leave --steps_per_execution out. "
            f"Received: --steps_per_execution={options['steps_per_execution']}"
        )
    if options["sync_perturbation"] != "none" and keras.backend.backend() != "torch":
        raise ValueError(
            "Only PyTorch's processes choose what they share of a perturbation; JAX makes one for "
            "the whole batch: leave --sync_perturbation out. "
            f"Received: --sync_perturbation={options['sync_perturbation']}"
        )
    if options["watch"]:
        import_extra("keras_sam.sharpness", "SciPy", "sharpness")
    if options.get("probe"):
        import_extra("sklearn.linear_model", "scikit-learn")


def check_splits(splits: int | None, batch_size: int, examples: int | None) -> None:
    """Refuses parts into which a batch cannot be cut.

    Args:
        splits: Integer, or `None` for no splits.
        batch_size: Integer.
        examples: Integer, the training images; `None` if that is not known yet.

    Raises:
        ValueError: If there are more, or several processes cannot share the parts.
    """
    processes = backend.num_processes()
    if splits is not None and splits % processes:
        raise ValueError(
            f"Each of the {processes} processes perturbs as many parts of a batch: choose a "
            f"multiple of them. Received: --num_batch_splits={splits}"
        )
    size = min(batch_size, examples or batch_size)
    if splits is not None and splits > size:
        raise ValueError(
            f"A batch of {size} examples has as many parts at most: lower --num_batch_splits. "
            f"Received: --num_batch_splits={splits}"
        )


def meanings(options: dict[str, Any]) -> dict[str, Any]:
    """What texts of a fine-tuning app's command line stand for.

    Returns:
        Dictionary of the options to replace; empty for another app.
    """
    if "weights" not in options:
        return {}
    is_random = options["smoke"] or options["weights"] == "none"
    if options["keep_top"] and options["weights"] == "none":
        raise ValueError(
            "--keep_top keeps what was pretrained: choose --weights, or leave it out. "
            "Received: --keep_top --weights=none"
        )
    return {
        "keep_top": options["keep_top"] and not is_random,
        "weights": None if is_random else options["weights"],
        "model_arguments": assignments("model_arguments", options["model_arguments"]),
        "inputs": "pixels",  # Each network scales them for itself.
        "rho_share": SHARE_OF_RHO,
    }


def seeds(options: dict[str, Any]) -> list[int]:
    """The seeds to train on.

    Raises:
        ValueError: If a seed is not an integer of at least 0, or comes twice.
    """
    return whole_numbers("--seeds", options["seeds"])
