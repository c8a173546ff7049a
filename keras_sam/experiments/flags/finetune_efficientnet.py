"""The flags of `python apps/finetune_efficientnet.py`, whose `--help` tells more."""

from typing import Any

from absl import flags

from keras_sam.checks import share
from keras_sam.experiments.flags import training
from keras_sam.experiments.flags.checking import checked, excluded
from keras_sam.experiments.presets.finetuning import PRESETS

FLAGS = flags.FlagValues()
OWN: dict[str, Any] = {"flag_values": FLAGS, "module_name": "Model"}

training.define(
    FLAGS,
    PRESETS,
    dataset="oxford_flowers102",
    augment="basic",
    epochs=8,
    batch_size=32,
    learning_rate=0.01,
    weight_decay=1e-4,
    clipnorm=1.0,
    warmup_epochs=None,
    workdir="runs/finetune_efficientnet",
)
flags.DEFINE_string("model", "efficientnet_b0", "Name of the network.", **OWN)
flags.DEFINE_enum(
    "model_source", "keras", ["keras", "keras_cv", "keras_hub"], "Whose network it is.", **OWN
)
flags.DEFINE_list("model_arguments", [], "Of the network's constructor: alpha=0.75.", **OWN)
flags.DEFINE_string(
    "weights", "imagenet", "imagenet, a preset of the source, a file, or none.", **OWN
)
flags.DEFINE_integer("image_size", 224, "Height and width of the images in pixels.", 1, **OWN)
flags.DEFINE_float("dropout", 0.2, "Share of the features to drop before the head.", **OWN)
flags.DEFINE_bool("freeze_batch_norm", True, "Keep the statistics of BatchNorm.", **OWN)
flags.DEFINE_bool(
    "keep_top", False, "Keep the pretrained last layer: the data set has its classes.", **OWN
)
flags.DEFINE_integer(
    "head_epochs",
    0,
    "Epochs in which the new last layer trains alone, before all others.",
    0,
    **OWN,
)
flags.DEFINE_integer("steps", None, "Training steps, in place of --epochs.", 1, **OWN)
flags.DEFINE_bool(
    "probe",
    False,
    "Measure what ridge regression on the pretrained features reaches, the floor of fine-tuning.",
    **OWN,
)
checked(FLAGS, share, "dropout")
excluded(
    FLAGS,
    ("steps", "plain_epochs"),
    lambda *both: all(both),
    "Count either steps or epochs: leave one of them out.",
)
excluded(
    FLAGS,
    ("keep_top", "head_epochs"),
    lambda *both: all(both),
    "A last layer that is kept is no new one: leave one of them out.",
)
