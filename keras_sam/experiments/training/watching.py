"""What a training measures of its sharpness on the way, and on which images."""

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_sam.datasets import Dataset
from keras_sam.datasets.selection import balanced
from keras_sam.experiments.flags.running import ANGLE, SPECTRUM
from keras_sam.experiments.results.folder import RunFolder

if TYPE_CHECKING:
    from keras_sam.sharpness.measurement import Measurement

SHOWN = {"eigenvalues": "λ1 and λ5", "m_sharpness": "m-sharpness"}  # Others by their names.


def measured_on(
    dataset: Dataset, part: str, number: int, right_labels: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """The images that sharpness is measured on: of all classes alike, the same for every seed.

    Args:
        dataset: A `keras_sam.datasets.Dataset`.
        part: String, `"train"` or `"test"`.
        number: Positive integer; all images where there are fewer.
        right_labels: Whether to leave out training images with a wrong label. Defaults to `False`.

    Returns:
        Tuple of an array of images as the network takes them, and an array of their labels.
    """
    images, labels = getattr(dataset, f"x_{part}"), getattr(dataset, f"y_{part}")
    classes = np.asarray(dataset.y_train_clean) if part == "train" else labels
    among = np.flatnonzero(labels == classes) if right_labels else np.arange(len(labels))
    keep = among[balanced(classes[among], min(number, len(among)))]
    # Folders are sorted by class, and a batch is measured by itself.
    keep = np.random.default_rng(0).permutation(keep)
    return dataset.prepare(images[keep]), labels[keep]


def callbacks(folder: RunFolder, dataset: Dataset, one_hot: bool) -> list[keras.callbacks.Callback]:
    """The callbacks of a run whose settings ask for measures.

    Args:
        folder: The run's `RunFolder`.
        dataset: A `keras_sam.datasets.Dataset`, with the labels that are trained on.
        one_hot: Whether the loss takes rows in the place of integers.

    Returns:
        List of Keras callbacks, which add numbers to the logs; empty without `watch`.
    """
    settings = folder.settings
    if "watch" not in settings:
        return []
    # Imported here: a training without measures needs no SciPy.
    from keras_sam import sharpness
    from keras_sam.sharpness.measures import MEASURES

    x, y = measured_on(dataset, "train", settings["watch_examples"])
    y = np.eye(dataset.num_classes, dtype="float32")[y] if one_hot else y
    rho, size, every = settings["watch_rho"], settings["batch_size"], settings["watch_every"]
    found: list[Measurement] = []
    if measures := [name for name in settings["watch"] if name in MEASURES]:
        found += [sharpness.SharpnessCallback(x, y, measures, every, rho, batch_size=size)]
    if ANGLE in settings["watch"]:
        found += [sharpness.GradientAngle(x[:size], y[:size], rho=rho, every=every)]
    if SPECTRUM in settings["watch"]:
        found += [
            sharpness.HessianSpectrumCallback(x, y, every, batch_size=size, folder=folder.path)
        ]
    return [Announcement(found[0], settings["watch"]), *found] if found else []


class Announcement(keras.callbacks.Callback):
    """Says that a measurement has begun: it may take longer than the epoch before it.

    Args:
        first: A `Measurement` that comes next among the callbacks, and is due when all are.
        watch: List of strings, the names of what is measured.
    """

    def __init__(self, first: "Measurement", watch: list[str]) -> None:
        super().__init__()
        self.first = first
        self.shown = ", ".join(SHOWN.get(name, name) for name in watch)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.first.is_due(epoch):
            print(f"  measuring {self.shown} after epoch {epoch + 1}", flush=True)
