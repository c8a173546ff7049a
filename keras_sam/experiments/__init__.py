"""What the apps do, from Python: `keras_sam.experiments.train` is a training app without its
command line."""

from keras_sam.experiments.training.from_python import train

__all__ = ["train"]
