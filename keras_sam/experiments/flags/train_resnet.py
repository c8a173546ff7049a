"""The flags of `python apps/train_resnet.py`, whose `--help` tells more."""

from typing import Any

from absl import flags

from keras_sam.experiments.flags import training
from keras_sam.experiments.presets import from_scratch, pictures

PRESETS = from_scratch.PRESETS | pictures.PRESETS
FLAGS = flags.FlagValues()
OWN: dict[str, Any] = {"flag_values": FLAGS, "module_name": "Model"}

training.define(
    FLAGS,
    PRESETS,
    dataset="digits",
    augment="none",
    epochs=60,
    batch_size=64,
    learning_rate=0.02,
    weight_decay=0.0,
    clipnorm=None,
    warmup_epochs=0.0,
    workdir="runs/train_resnet",
)
flags.DEFINE_string("model", "convnet", "resnet20, …, see keras_sam.models.list().", **OWN)
flags.DEFINE_enum(
    "normalization", "batch", ["batch", "group", "layer", "none"], "Of a ResNet.", **OWN
)
flags.DEFINE_integer(
    "image_size", None, "Height and width to resize photographs to, in pixels.", 1, **OWN
)
flags.DEFINE_enum(
    "inputs",
    None,
    ["standardised", "unit", "centred", "pixels"],
    "How pixels are scaled: unit to [0, 1], centred to [-1, 1], pixels to [0, 255]. Default: "
    "digits as they are, photographs standardised.",
    **OWN,
)
