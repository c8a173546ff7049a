"""The flags that all training apps share, with their checks."""

from functools import partial
from typing import Any

from absl import flags

from keras_sam.checks import non_negative, positive, share
from keras_sam.experiments.flags import pictures, regularisation, running
from keras_sam.experiments.flags.checking import (
    checked,
    excluded,
    rising_shares,
)
from keras_sam.experiments.flags.preset import PresetFlag
from keras_sam.experiments.presets import Preset

WITH_MOMENTUM = ("sgd", "rmsprop")  # Of the optimizers.


def define(values: flags.FlagValues, presets: dict[str, Preset], **defaults: Any) -> None:
    """Defines the shared flags.

    Args:
        values: The app's own `absl.flags.FlagValues`.
        presets: Dictionary from a name to its `Preset`.
        **defaults: The app's defaults: `epochs`, `batch_size`, `learning_rate`, `augment`,
            `dataset`, `workdir`, `weight_decay`, `clipnorm` and `warmup_epochs`; `optimizer`,
            where it is not sgd.
    """
    flags.DEFINE_flag(PresetFlag(presets), values, "Runs")
    for group in (_data, _methods, _optimisation, regularisation.define, running.define):
        group(values, defaults)
    pictures.define(values)


def _data(values: flags.FlagValues, defaults: dict[str, Any]) -> None:
    own: dict[str, Any] = {"flag_values": values, "module_name": "Data"}
    flags.DEFINE_string("dataset", defaults["dataset"], "See keras_sam.datasets.list().", **own)
    flags.DEFINE_string("data_dir", None, "Folder that holds the data set; see the errors.", **own)
    keep = "Keep this many {} images, of all classes alike."
    flags.DEFINE_integer("num_train", None, keep.format("training"), 1, **own)
    flags.DEFINE_integer("num_test", None, keep.format("test"), 1, **own)
    flags.DEFINE_float(
        "holdout", 0.0, "Share of the training images to test on, in place of the test set.", **own
    )
    flags.DEFINE_list(
        "augment",
        defaults["augment"],
        "none, or several of: basic (shift, and flip for photographs), crop (of all sizes, and "
        "flip), cutout, autoaugment, randaugment, mixup, cutmix.",
        **own,
    )
    flags.DEFINE_enum(
        "padding",
        "zeros",
        ["zeros", "reflect"],
        "What basic moves in at the edges: the mean colour, or the image mirrored.",
        **own,
    )
    flags.DEFINE_float("mixup_alpha", 1.0, "How evenly mixup and cutmix mix two images.", **own)
    flags.DEFINE_float("label_noise", 0.0, "Share of training labels to make wrong.", **own)
    kinds = ["symmetric", "pair", "class"]
    flags.DEFINE_enum("noise_kind", "symmetric", kinds, "class: of those that look alike.", **own)
    checked(values, share, "holdout", "label_noise")
    checked(values, positive, "mixup_alpha")


def _methods(values: flags.FlagValues, defaults: dict[str, Any]) -> None:
    own: dict[str, Any] = {"flag_values": values, "module_name": "Method"}
    flags.DEFINE_string(
        "method", "sam", "sgd (plain training) or a name of keras_sam.methods.list().", **own
    )
    flags.DEFINE_list(
        "compare",
        [],
        "Methods to train instead of --method, each with its own rho after a colon if "
        "it needs one: sgd,sam,sam:0.5. A method with its own rho keeps its runs in sam_rho_0.5. "
        "Further arguments of its own follow: friendly:0.5:sigma=1.0. "
        "The word all stands for every method of keras_sam.methods.list() that is not listed, but "
        "for those that need LoRA.",
        **own,
    )
    flags.DEFINE_float(
        "rho",
        None,
        "Radius of the perturbation. Default: each method's, and a fifth of it for fine-tuning.",
        **own,
    )
    flags.DEFINE_float("p", None, "Order of the norm, 1 to inf. Default: each method's.", **own)
    flags.DEFINE_list(
        "method_arguments",
        [],
        "Further arguments of the method, steps=3,projection=True; of one method of several, "
        "multistep.steps=2.",
        **own,
    )
    flags.DEFINE_integer(
        "num_batch_splits", None, "Perturb this many parts of a batch separately.", 1, **own
    )


def _optimisation(values: flags.FlagValues, defaults: dict[str, Any]) -> None:
    own: dict[str, Any] = {"flag_values": values, "module_name": "Optimizer and schedule"}
    flags.DEFINE_integer("epochs", defaults["epochs"], "Passes over the training images.", 1, **own)
    flags.DEFINE_integer(
        "plain_epochs", None, "Epochs of sgd, as twice as many cost what SAM's do.", 1, **own
    )
    flags.DEFINE_float(
        "until_loss",
        None,
        "End a run before its last epoch where every training image is classified as labelled, and "
        "the mean loss on those with right labels is below this: for minima of equal loss.",
        **own,
    )
    flags.DEFINE_integer("batch_size", defaults["batch_size"], "Images a step.", 1, **own)
    optimizers = ["sgd", "adam", "adamw", "rmsprop", "lion"]
    optimizer = defaults.get("optimizer", "sgd")
    flags.DEFINE_enum("optimizer", optimizer, optimizers, "See keras.optimizers.", **own)
    flags.DEFINE_float(
        "learning_rate", defaults["learning_rate"], "The highest learning rate.", **own
    )
    flags.DEFINE_enum(
        "schedule",
        "cosine",
        ["constant", "cosine", "linear", "step"],
        "cosine and linear go to 0, step falls at --schedule_steps.",
        **own,
    )
    flags.DEFINE_list(
        "schedule_steps",
        None,
        "Shares of the training after which the rate of the schedule step falls: 0.3,0.6,0.8. "
        "Default: 0.5,0.75, as for the ResNets on CIFAR.",
        **own,
    )
    flags.DEFINE_float(
        "schedule_factor", None, "What the rate is multiplied by there. Default: 0.1.", **own
    )
    flags.DEFINE_float(
        "warmup_epochs",
        defaults["warmup_epochs"],
        "Epochs in which the rate rises from 0, for cosine. Default: 0, and for fine-tuning a "
        "quarter of the epochs, but 2 at most.",
        **own,
    )
    flags.DEFINE_float(
        "momentum", None, "Of sgd and rmsprop. Default: 0.9; 0 where the method has its own.", **own
    )
    flags.DEFINE_bool("nesterov", False, "Nesterov's momentum, for sgd.", **own)
    flags.DEFINE_float(
        "weight_decay",
        defaults["weight_decay"],
        "Keras's, apart from the gradient; see --l2 for that of PyTorch's recipes.",
        **own,
    )
    flags.DEFINE_float(
        "clipnorm", defaults["clipnorm"], "Longest gradient that the optimizer takes.", **own
    )
    flags.DEFINE_bool(
        "skip_nonfinite",
        False,
        "Skip steps whose gradient is not finite, and count them; sgd makes them.",
        **own,
    )
    flags.DEFINE_float("label_smoothing", 0.0, "Share of a label spread over classes.", **own)
    _check_optimisation(values)


def _check_optimisation(values: flags.FlagValues) -> None:
    checked(values, positive, "learning_rate", "clipnorm", "schedule_factor", "until_loss")
    checked(values, rising_shares, "schedule_steps")
    checked(values, non_negative, "warmup_epochs", "weight_decay")
    checked(values, share, "momentum", "label_smoothing")
    exclude = partial(excluded, values)
    exclude(
        ("optimizer", "nesterov"),
        lambda optimizer, nesterov: nesterov and optimizer != "sgd",
        "Only sgd takes --nesterov: leave it out.",
    )
    exclude(
        ("optimizer", "momentum"),
        lambda optimizer, momentum: momentum is not None and optimizer not in WITH_MOMENTUM,
        f"Only {' and '.join(WITH_MOMENTUM)} take --momentum: leave it out.",
    )
    for name in ("schedule_steps", "schedule_factor"):
        exclude(
            ("schedule", name),
            lambda schedule, value: value is not None and schedule != "step",
            "The rate falls in steps with --schedule=step alone.",
        )
    exclude(
        ("schedule", "warmup_epochs"),
        lambda schedule, warmup: warmup and schedule != "cosine",
        "Warm-up is part of the cosine schedule: choose it or leave --warmup_epochs out.",
    )
