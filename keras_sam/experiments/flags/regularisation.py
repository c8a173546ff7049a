"""The flags of a training's means against over-fitting and wrong labels, beside its method."""

from typing import Any

from absl import flags

from keras_sam.checks import non_negative, share
from keras_sam.experiments.flags.checking import checked, excluded


def define(values: flags.FlagValues, defaults: dict[str, Any]) -> None:
    """Defines the flags; `--weight_decay` has to be there."""
    own: dict[str, Any] = {"flag_values": values, "module_name": "Regularisation"}
    flags.DEFINE_float(
        "l2",
        0.0,
        "Decay of all weights through the loss, a PyTorch recipe's weight decay as it is: l2 / 2 "
        "times the sum of their squares, in each pass of a method. The loss that is reported is "
        "without it.",
        **own,
    )
    flags.DEFINE_enum(
        "average",
        None,
        ["swa"],
        "swa: end with the mean of the weights after each epoch, with BatchNorm statistics of its "
        "own. The last line of the metrics is its; those before are of the weights on the way.",
        **own,
    )
    flags.DEFINE_float(
        "average_start", None, "Share of the epochs before the first of it. Default: 0.75.", **own
    )
    flags.DEFINE_enum(
        "bootstrap",
        None,
        ["soft", "hard"],
        "Against wrong labels, targets that are in part the network's own: 5 % its probabilities "
        "(soft) or 20 % its guess (hard), as Reed et al. have it. The loss that is reported is of "
        "the labels.",
        **own,
    )
    flags.DEFINE_string(
        "bootstrap_from",
        None,
        "Work directory of finished runs: each run trains on the labels that the network of the "
        "same method and seed gives the training images, the bootstrap of the SAM paper.",
        **own,
    )
    checked(values, non_negative, "l2")
    checked(values, share, "average_start")
    excluded(
        values,
        ("average", "average_start"),
        lambda average, start: start is not None and average is None,
        "There is an average with --average=swa alone.",
    )
    excluded(
        values,
        ("weight_decay", "l2"),
        lambda *both: all(both),
        "Decay weights in one way: set --weight_decay or --l2 to 0.",
    )
