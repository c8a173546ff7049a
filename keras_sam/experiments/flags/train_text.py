"""The flags of `python apps/train_text.py`, whose `--help` tells more."""

from typing import Any

from absl import flags

from keras_sam.experiments.flags import training
from keras_sam.experiments.presets.texts import PRESETS

FLAGS = flags.FlagValues()

training.define(
    FLAGS,
    PRESETS,
    dataset="docstrings",
    augment="none",
    epochs=6,
    batch_size=64,
    optimizer="adamw",
    learning_rate=0.001,
    weight_decay=0.01,
    clipnorm=None,
    warmup_epochs=0.0,
    workdir="runs/train_text",
)
OWN: dict[str, Any] = {"flag_values": FLAGS, "module_name": "Model"}
flags.DEFINE_string("model", "text_transformer", "See keras_sam.models.list().", **OWN)
