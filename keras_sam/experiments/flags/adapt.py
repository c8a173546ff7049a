"""The flags of `python apps/adapt.py`, whose `--help` tells more."""

from typing import Any

from absl import flags

from keras_sam.checks import fraction, positive
from keras_sam.experiments.flags.checking import checked, whole_numbers

FLAGS = flags.FlagValues()
OWN: dict[str, Any] = {"flag_values": FLAGS, "module_name": "Options"}

flags.DEFINE_list(
    "compare", ["sgd", "sam:0.2"], "sgd (plain training) and methods, each with its rho.", **OWN
)
flags.DEFINE_list("seeds", ["0", "1", "2", "3", "4"], "Of initial weights and batches.", **OWN)
flags.DEFINE_float("angle", 60.0, "Degrees by which the target's digits are turned.", **OWN)
flags.DEFINE_integer("turns", 12, "Equal steps from upright to the target.", 1, **OWN)
flags.DEFINE_integer("source_epochs", 40, "Over the upright digits with labels.", 1, **OWN)
flags.DEFINE_integer("epochs", 5, "Over the digits of each step, with guessed labels.", 1, **OWN)
flags.DEFINE_float("keep", 0.9, "Share of the guesses to train on, the surest.", **OWN)
flags.DEFINE_integer("batch_size", 32, "Images a step.", 1, 512, **OWN)
flags.DEFINE_float("learning_rate", 0.02, "Of SGD with momentum 0.9.", **OWN)
flags.DEFINE_string("workdir", "runs/adapt", "Folder of the results.", **OWN)
checked(FLAGS, positive, "learning_rate", "angle")
checked(FLAGS, fraction, "keep")
checked(FLAGS, whole_numbers, "seeds")
