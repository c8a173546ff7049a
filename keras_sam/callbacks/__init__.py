"""Callbacks for training with `SAMModel`, or with any other Keras model."""

from keras_sam.callbacks.weight_averaging import WeightAveraging

__all__ = ["WeightAveraging"]
