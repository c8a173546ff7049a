"""Gradual self-training along turning digits (Kumar, Ma and Liang 2020, arXiv:2002.11361)."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from scipy import ndimage

from keras_sam import SAMModel, datasets, methods, models
from keras_sam.experiments.training.entries import PLAIN, Entry

SOURCE = 640  # Digits with labels.
MARGIN = 2  # Pixels around a digit, into which its corners turn.


@dataclasses.dataclass(frozen=True)
class Digits:
    """Scanned digits: some with labels, some without, and others to test on.

    Args:
        x: Float32 array (640, 12, 12, 1), the digits with labels, upright.
        y: Int32 array (640,).
        unlabelled: Float32 array (657, 12, 12, 1), upright.
        x_test: Float32 array (500, 12, 12, 1), upright.
        y_test: Int32 array (500,).
    """

    x: np.ndarray
    y: np.ndarray
    unlabelled: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def digits() -> Digits:
    """Scikit-learn's digits as `Digits`, the same ones every time."""
    data = datasets.digits()
    sides = ((0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0))
    x, x_test = (np.pad(np.asarray(images), sides) for images in (data.x_train, data.x_test))
    return Digits(x[:SOURCE], data.y_train[:SOURCE], x[SOURCE:], x_test, data.y_test)


def turned(images: np.ndarray, degrees: float) -> np.ndarray:
    """Images turned about their middle, anticlockwise.

    Args:
        images: Array (examples, height, width, channels).
        degrees: Float.

    Returns:
        Array of the same shape.

    Example:

    >>> from keras_sam.experiments.adaptation.turning import turned
    >>> turned(np.array([[1.0, 2.0], [3.0, 4.0]])[None, :, :, None], 90)[0, :, :, 0]
    array([[2., 4.],
           [1., 3.]])
    """
    return ndimage.rotate(images, degrees, axes=(2, 1), reshape=False, order=1)


class Learner:
    """A network, and the method that trains it.

    Args:
        entry: The `Entry` of the method.
        options: Dictionary of the app's flags.
        shape: Tuple, the shape of an image.
    """

    def __init__(self, entry: Entry, options: dict[str, Any], shape: tuple[int, ...]):
        self.network = models.get("convnet", shape, 10)
        self.batch_size = options["batch_size"]
        self.model = keras.Model(self.network.inputs, self.network.outputs)
        if entry.method != PLAIN:
            method = methods.get(entry.method, **entry.arguments)
            self.model = SAMModel(self.network, method=method)
        momentum = 0.0 if entry.updates_itself else 0.9
        self.model.compile(
            keras.optimizers.SGD(options["learning_rate"], momentum=momentum),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )

    def fit(self, x: np.ndarray, y: np.ndarray, epochs: int) -> None:
        """Trains on images and labels; the batches are all of one size."""
        size = min(self.batch_size, len(x))
        whole = len(x) // size * size
        self.model.fit(x[:whole], y[:whole], batch_size=size, epochs=epochs, verbose=0)

    def logits(self, x: np.ndarray) -> np.ndarray:
        """What the network makes of images: array (examples, 10)."""
        return keras.ops.convert_to_numpy(self.network(x, training=False))

    def accuracy(self, x: np.ndarray, y: np.ndarray) -> float:
        """Percentage of images that it reads right."""
        return 100 * float(np.mean(self.logits(x).argmax(-1) == y))

    def follow(
        self, unlabelled: np.ndarray, angles: Sequence[float], epochs: int, keep: float
    ) -> None:
        """Trains on its own guesses for images at one angle after the other.

        Args:
            unlabelled: Array of upright images.
            angles: Degrees.
            epochs: Integer, passes at each angle.
            keep: Float, the share of the guesses to train on, the surest.
        """
        for angle in angles:
            images = turned(unlabelled, angle)
            logits = self.logits(images)
            scores = np.sort(logits - np.logaddexp.reduce(logits, -1, keepdims=True))[:, -1]
            sure = np.argsort(-scores, kind="stable")[: max(round(keep * len(scores)), 1)]
            self.fit(images[sure], logits[sure].argmax(-1), epochs)


def adapted(data: Digits, entry: Entry, seed: int, options: dict[str, Any]) -> dict[str, float]:
    """Trains on the upright digits, then adapts in each way.

    Returns:
        Dictionary from what was done to the accuracy in percent on turned digits; `"upright"` is
        that on upright ones before.
    """
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    shape = data.x.shape[1:]
    learner = Learner(entry, options, shape)
    learner.fit(data.x, data.y, options["source_epochs"])
    weights = learner.network.get_weights()
    goal, turns = options["angle"], options["turns"]
    target = turned(data.x_test, goal), data.y_test
    found = {
        "upright": learner.accuracy(data.x_test, data.y_test),
        "direct transfer": learner.accuracy(*target),
    }
    angles = {
        "self-training": [goal] * turns,
        "gradual self-training": [goal * turn / turns for turn in range(1, turns + 1)],
    }
    for way, along in angles.items():
        keras.utils.set_random_seed(seed)
        learner = Learner(entry, options, shape)
        learner.network.set_weights(weights)
        learner.follow(data.unlabelled, along, options["epochs"], options["keep"])
        found[way] = learner.accuracy(*target)
    return found
