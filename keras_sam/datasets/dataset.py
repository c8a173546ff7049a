"""The images, labels and facts that training needs, whatever they were read from."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Dataset:
    """Images and integer labels, split into a training and a test part.

    Args:
        x_train: Float32 array (examples, height, width, channels).
        y_train: Int32 array (examples,), the labels to train on; possibly noisy.
        x_test: Float32 array (examples, height, width, channels).
        y_test: Int32 array (examples,), always clean.
        num_classes: Integer, labels lie in [0, num_classes).
        name: String, what the data set is called in tables.
        shift: Integer, by how many pixels augmentation may move an image. Defaults to `4`.
        flip: Boolean, whether a mirrored image is still one of its class. Defaults to `True`.
        y_train_clean: Int32 array (examples,), the training labels before any noise. Defaults to
            `y_train`.

    Example:

    >>> from keras_sam.datasets import Dataset
    >>> images, labels = np.zeros((4, 8, 8, 1), "float32"), np.array([0, 1, 0, 1], "int32")
    >>> Dataset(images, labels, images, labels, num_classes=2, name="blank").input_shape
    (8, 8, 1)
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    num_classes: int
    name: str
    shift: int = 4
    flip: bool = True
    y_train_clean: np.ndarray | None = None

    def __post_init__(self):
        if self.y_train_clean is None:
            object.__setattr__(self, "y_train_clean", self.y_train)

    @property
    def input_shape(self):
        """Tuple (height, width, channels) of one image."""
        return self.x_train.shape[1:]
