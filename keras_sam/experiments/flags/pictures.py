"""Flags of where images come from, how many a class has, and what else to test."""

from typing import Any

from absl import flags

from keras_sam.experiments.flags.checking import checked, excluded


def define(values: flags.FlagValues) -> None:
    """Defines the flags.

    Args:
        values: The app's own `absl.flags.FlagValues`.
    """
    own: dict[str, Any] = {"flag_values": values, "module_name": "Data"}
    flags.DEFINE_bool(
        "download",
        False,
        "Fetch --dataset into --data_dir with tensorflow-datasets or keras.datasets, if it is "
        "not there. Nothing is downloaded without.",
        **own,
    )
    flags.DEFINE_float(
        "imbalance",
        None,
        "How many times as many training images the first class has as the last, those between "
        "in proportion: 100. The test images stay balanced; focal_sam gets the class_counts, and "
        "imb_sam as its tail the classes of fewer images than the mean.",
        **own,
    )
    flags.DEFINE_list(
        "evaluate_on",
        [],
        "What to test the trained networks on besides, once: corrupted (twelve common corruptions "
        "of the test images, five strengths each), compressed (quantised to int8 and int4 as far "
        "as Keras can, and 30, 50 and 70 % pruned), second_task (what is left of the first after "
        "fine-tuning on reordered pixels or words), class_sizes (the errors on classes of many, of "
        "some and of few training images), or data sets with the same classes.",
        **own,
    )
    flags.DEFINE_string(
        "evaluate_dir",
        None,
        "Folder of the data sets of --evaluate_on. Default: --data_dir.",
        **own,
    )
    checked(values, _check_imbalance, "imbalance")
    check_download(values)


def check_download(values: flags.FlagValues) -> None:
    """Has absl refuse to download to no folder."""
    excluded(
        values,
        ("download", "data_dir"),
        lambda download, data_dir: download and data_dir is None,
        "--download needs a folder to download to: add --data_dir.",
    )


def _check_imbalance(name: str, factor: float) -> None:
    if not 1 < factor < float("inf"):
        raise ValueError(
            f"{name} must be a number above 1: leave it out to train on all images. "
            f"Received: {name}={factor:g}"
        )
