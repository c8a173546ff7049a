"""Training labels that an earlier run's network has given: the bootstrap of the SAM paper."""

import dataclasses
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_sam.checks import shown
from keras_sam.datasets import Dataset
from keras_sam.datasets.batches import OrderedBatches

BATCH = 256


def check_there(settings: dict[str, Any]) -> None:
    """Refuses a run whose labels no finished run can give.

    Raises:
        ValueError: If there is no model of the same method and seed.
    """
    path = settings.get("labels_from")
    if path is not None and not Path(path).is_file():
        raise ValueError(
            "--bootstrap_from must be the work directory of finished runs of the same methods and "
            f"seeds, whose networks give the labels. Received: no {path}"
        )


def as_tests(dataset: Dataset, augment: list[str]) -> OrderedBatches:
    """The training images in their order, prepared as test images are.

    Args:
        dataset: A `keras_sam.datasets.Dataset`.
        augment: List of strings, the augmentations of the run: `"crop"` has its own evaluation.
    """
    images = dataclasses.replace(dataset, x_test=dataset.x_train, y_test=dataset.y_train)
    return images.test_batches(BATCH, augment=augment)


def relabelled(dataset: Dataset, path: str, augment: list[str]) -> Dataset:
    """A data set with the training labels that a trained network gives.

    Reference:
        Foret et al., ICLR 2021, section 3.3: train as usual, then from scratch on the labels that
        the trained network predicts.

    Args:
        dataset: A `keras_sam.datasets.Dataset`; its clean labels and the test set stay.
        path: String, the `.keras` file of the network.
        augment: List of strings, the augmentations of the run: `"crop"` has its own evaluation.

    Returns:
        A `keras_sam.datasets.Dataset`.

    Raises:
        ValueError: If the file is no model for these images and classes.
    """
    try:
        model = keras.models.load_model(path, compile=False)
        logits = model.predict(as_tests(dataset, augment), verbose=0)
        labels = np.argmax(logits, axis=-1).astype("int32")
        return dataclasses.replace(dataset, y_train=labels)
    except Exception as error:  # Whatever the bytes, or other shapes, lead Keras to.
        raise ValueError(
            f"{path} must be a network that tells the {dataset.num_classes} classes of "
            f"{dataset.name} apart, as --bootstrap_from has to hold. Received: {shown(error)}"
        ) from error
