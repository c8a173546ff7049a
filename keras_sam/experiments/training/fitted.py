"""Ends a training where it has learned its training images, for minima of equal loss."""

from typing import Any

import keras
import numpy as np

from keras_sam.datasets import Dataset
from keras_sam.experiments.results.files import FITTED
from keras_sam.experiments.training.relabelling import as_tests

LOSS = "fitted_loss"


def callbacks(settings: dict[str, Any], dataset: Dataset) -> list[keras.callbacks.Callback]:
    """The callback of a run whose settings have `until_loss`; none without.

    Args:
        settings: Dictionary of the run's settings.
        dataset: A `keras_sam.datasets.Dataset`, with the labels that are trained on.
    """
    if not settings.get("until_loss"):
        return []
    return [TellsWhenFitted(dataset, settings["until_loss"], settings["augment"])]


class TellsWhenFitted(keras.callbacks.Callback):
    """Adds to an epoch's logs whether the training images are learned, and the loss on the right.

    Images with a wrong label must be classified as it says, and count no further: else the loss on
    the others would be smaller where there are more of them.

    Args:
        dataset: A `keras_sam.datasets.Dataset`, with the labels that are trained on.
        until_loss: Float, of the mean cross-entropy of the images whose label is right.
        augment: List of strings, the augmentations of the run: `"crop"` has its own evaluation.
    """

    def __init__(self, dataset: Dataset, until_loss: float, augment: list[str]) -> None:
        super().__init__()
        self.batches = as_tests(dataset, augment)
        self.labels = np.asarray(dataset.y_train)
        self.is_right = self.labels == np.asarray(dataset.y_train_clean)
        self.until_loss = until_loss

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logits = self.model.predict(self.batches, verbose=0)
        losses = keras.losses.sparse_categorical_crossentropy(self.labels, logits, from_logits=True)
        loss = float(keras.ops.convert_to_numpy(losses)[self.is_right].mean())
        is_learned = bool((logits.argmax(axis=-1) == self.labels).all())
        if logs is not None:
            logs |= {LOSS: loss, FITTED: float(is_learned and loss < self.until_loss)}
