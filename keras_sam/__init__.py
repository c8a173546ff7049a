"""Sharpness-aware minimization for every Keras model, on JAX, TensorFlow and PyTorch."""

from keras_sam import ascent, callbacks, datasets, descent, methods, models, policy, schedules
from keras_sam.model import SAMModel
from keras_sam.version import __version__

__all__ = [
    "SAMModel",
    "__version__",
    "ascent",
    "callbacks",
    "datasets",
    "descent",
    "methods",
    "models",
    "policy",
    "schedules",
]
