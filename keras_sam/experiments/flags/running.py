"""Flags of how runs are trained, watched, logged and kept."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from absl import flags

from keras_sam.checks import positive
from keras_sam.experiments.flags.checking import check_known, checked, excluded, whole_numbers

ANGLE, SPECTRUM = "angle", "spectrum"
WATCHED = ("eigenvalues", "trace", "m_sharpness", "adaptive", "bound", ANGLE, SPECTRUM)
VERBOSE = ["auto", "0", "1", "2"]
VERBOSE_HELP = (
    "0 for a line per run, 1 for progress bars, 2 for a line per epoch; auto: 1 in a terminal, "
    "elsewhere 2."
)
LOGGED = ("csv", "tensorboard", "wandb", "mlflow")


def define(values: flags.FlagValues, defaults: dict[str, Any]) -> None:
    """Defines the flags.

    Args:
        values: The app's own `absl.flags.FlagValues`.
        defaults: Dictionary with `workdir`.
    """
    _watching(values)
    _running(values, defaults)


def _watching(values: flags.FlagValues) -> None:
    own: dict[str, Any] = {"flag_values": values, "module_name": "Sharpness during the training"}
    flags.DEFINE_list(
        "watch",
        [],
        "Sharpness to measure during the training, several of: eigenvalues (λ1 and λ1/λ5 of the "
        "Hessian), trace, m_sharpness, adaptive, bound, angle (between the gradients of sam and "
        "of second_order and multistep), spectrum. It changes nothing of the training.",
        **own,
    )
    flags.DEFINE_integer("watch_every", 10, "Epochs between measurements.", 1, **own)
    flags.DEFINE_integer(
        "watch_examples", 512, "Training images to measure on, of all classes alike.", 1, **own
    )
    flags.DEFINE_float(
        "watch_rho", 0.05, "Radius of m_sharpness, bound and angle, for all methods.", **own
    )
    checked(values, partial(_check_each, "watch", WATCHED), "watch")
    checked(values, positive, "watch_rho")


def _check_each(flag: str, known: Sequence[str], _: str, names: list[str]) -> None:
    for name in names:
        check_known(flag, name, known)


def _running(values: flags.FlagValues, defaults: dict[str, Any]) -> None:
    own: dict[str, Any] = {"flag_values": values, "module_name": "Runs"}
    flags.DEFINE_list(
        "seeds", ["0"], "Each fixes initial weights, batches and noise: 0,1,2.", **own
    )
    precisions, compilations = ["none", "float16", "bfloat16"], ["auto", "true", "false"]
    flags.DEFINE_enum("mixed_precision", "none", precisions, "Of the layers.", **own)
    flags.DEFINE_enum("jit_compile", "auto", compilations, "As in Keras's compile.", **own)
    flags.DEFINE_integer(
        "steps_per_execution", 1, "Steps in one call of a compiled function; not PyTorch.", 1, **own
    )
    flags.DEFINE_enum(
        "distribute",
        "none",
        ["none", "all"],
        "all: each device a share of each batch. PyTorch takes a process for each device, which "
        "torchrun starts: torchrun --nproc_per_node=2 apps/train_resnet.py --distribute=all. JAX "
        "takes those of all processes of which the variables KERAS_DISTRIBUTION_… tell.",
        **own,
    )
    flags.DEFINE_enum(
        "sync_perturbation",
        "none",
        ["none", "gradient", "mean"],
        "What PyTorch's processes share of a perturbation: none, each perturbs for its part of "
        "the batch; gradient, that of the whole batch, as on one device; mean, the mean of "
        "theirs.",
        **own,
    )
    flags.DEFINE_bool("smoke", False, "Shrink everything to a minute's run on two cores.", **own)
    flags.DEFINE_string("workdir", defaults["workdir"], "Folder of the results.", **own)
    flags.DEFINE_bool(
        "resume",
        False,
        "Go on with the runs in --workdir. The same command, started several times with it, "
        "shares the runs among the processes.",
        **own,
    )
    flags.DEFINE_bool("overwrite", False, "Remove the runs in --workdir first.", **own)
    flags.DEFINE_list(
        "log",
        [],
        "Where to log each epoch besides metrics.jsonl, several of: csv (log.csv), tensorboard, "
        "wandb, mlflow; the last two by their own settings, and maybe to their servers.",
        **own,
    )
    flags.DEFINE_enum("verbose", "auto", VERBOSE, VERBOSE_HELP, **own)
    flags.DEFINE_enum(
        "list", None, ["models", "datasets", "methods"], "Show the names, and train nothing.", **own
    )
    checked(values, whole_numbers, "seeds")
    checked(values, partial(_check_each, "log", LOGGED), "log")
    excluded(values, ("resume", "overwrite"), lambda *both: all(both), "Choose one of them.")
    excluded(
        values,
        ("distribute", "sync_perturbation"),
        lambda distribute, sync: sync != "none" and distribute != "all",
        "Only several processes share a perturbation: add --distribute=all.",
    )
    excluded(
        values,
        ("average", "until_loss"),
        lambda average, until_loss: average is not None and until_loss is not None,
        "An average begins at a share of all epochs: train to the last one, or leave it out.",
    )
    excluded(
        values,
        ("distribute", "until_loss"),
        lambda distribute, until_loss: until_loss is not None and distribute == "all",
        "The loss on all training images is taken on one device: leave one of them out.",
    )
    excluded(
        values,
        ("distribute", "watch"),
        lambda distribute, watch: watch and distribute == "all",
        "Sharpness is measured on one device: leave --watch or --distribute out, and look at the "
        "trained model with apps/sharpness.py.",
    )
