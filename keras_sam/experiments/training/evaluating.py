"""Tests finished runs on other images, made smaller, and after a second task."""

import dataclasses
import functools
from typing import Any

import keras
import numpy as np

from keras_sam import datasets
from keras_sam.checks import import_extra
from keras_sam.datasets import Dataset
from keras_sam.datasets.corruptions import CORRUPTIONS, STRENGTHS
from keras_sam.experiments import stopping
from keras_sam.experiments.flags.checking import check_known
from keras_sam.experiments.presets import smoke
from keras_sam.experiments.results import evaluated
from keras_sam.experiments.results.evaluated import (
    CLASS_SIZES,
    COMPRESSED,
    CORRUPTED,
    SECOND_TASK,
)
from keras_sam.experiments.results.folder import RunFolder
from keras_sam.experiments.training import second_task
from keras_sam.experiments.training.compressing import compressed
from keras_sam.experiments.training.run import evaluation_batch

OWN = (CORRUPTED, COMPRESSED, SECOND_TASK, CLASS_SIZES)  # Besides the names of data sets.
GROUPS = 3  # Of classes: those of many, of some and of few training images.


@dataclasses.dataclass(frozen=True)
class Others:
    """What to test on besides.

    Args:
        dataset: The `Dataset` that was trained on.
        names: Tuple of strings, in the order of the table.
        others: Dictionary from a name to a `Dataset` with other test images; under
            `"second_task"` the one to fine-tune on.
    """

    dataset: Dataset
    names: tuple[str, ...]
    others: dict[str, Dataset]

    def missing(self, folder: RunFolder) -> list[str]:
        """What a finished run was not tested on yet."""
        if not folder.finished or not self.names or folder.has_diverged:
            return []
        there = evaluated.read(folder.path)
        return [name for name in self.names if name not in there]

    def complete(self, folder: RunFolder) -> None:
        """Tests a finished run on what is missing, and keeps the errors beside its results."""
        missing = self.missing(folder)
        if not missing:
            return
        folder.error.unlink(missing_ok=True)  # Of a test that failed before.
        for name in missing:
            evaluated.write(folder.path, {name: self._errors(name, folder)})

    def _errors(self, name: str, folder: RunFolder) -> Any:
        load = functools.partial(keras.models.load_model, folder.model)
        wrong = functools.partial(_wrong, settings=folder.settings)
        if name == COMPRESSED:
            return {kind: [wrong(model, self.dataset)] for kind, model in compressed(load)}
        model = load()
        if name == CORRUPTED:
            return {
                kind: [
                    wrong(model, datasets.with_corruption(self.dataset, kind, strength))
                    for strength in STRENGTHS
                ]
                for kind in CORRUPTIONS
            }
        if name == SECOND_TASK:
            second_task.learn(model, folder.settings, self.others[name])
            return {
                "first task, after the second": [wrong(model, self.dataset)],
                "second task": [wrong(model, self.others[name])],
            }
        if name == CLASS_SIZES:
            is_wrong = _mistakes(model, self.dataset, folder.settings)
            return {
                title: [float(np.mean(is_wrong[np.isin(self.dataset.y_test, classes)]))]
                for title, classes in class_groups(self.dataset).items()
            }
        return wrong(model, self.others[name])


def class_groups(dataset: Dataset) -> dict[str, np.ndarray]:
    """The classes in three groups, by how many training images they have.

    Args:
        dataset: A `Dataset`.

    Returns:
        Dictionary from a title, those of most images first, to an array of labels.
    """
    sizes = np.bincount(np.asarray(dataset.y_train_clean), minlength=dataset.num_classes)
    groups = np.array_split(np.argsort(-sizes, kind="stable"), min(GROUPS, len(sizes)))
    titles = [
        f"{len(group)} classes of {sizes[group[-1]]} to {sizes[group[0]]}" for group in groups
    ]
    return dict(zip(titles, groups, strict=True))


def others(options: dict[str, Any], dataset: Dataset) -> Others:
    """Loads what the options ask to test on besides.

    Raises:
        ValueError: If a name is unknown or a data set has other classes.
        FileNotFoundError: If its files are missing.
        ImportError: If an optional package is missing.
    """
    names = tuple(dict.fromkeys(name.strip() for name in options["evaluate_on"]))
    for name in names:
        check_known("evaluate_on", name, [*OWN, *datasets.list()])
    if CORRUPTED in names:
        import_extra("scipy.ndimage", "scipy")
        # Refuses images that cannot be corrupted.
        datasets.with_corruption(dataset, next(iter(CORRUPTIONS)), STRENGTHS[0])
    found = {name: _other(name, options, dataset) for name in names if name not in OWN}
    if SECOND_TASK in names:
        found[SECOND_TASK] = second_task.permuted(dataset)
    return Others(dataset, names, found)


def _other(name: str, options: dict[str, Any], dataset: Dataset) -> Dataset:
    if smoke.needs_stand_in(options):
        return datasets.with_test_images(dataset, smoke.stand_in(name, None, options["num_test"]))
    folder = options["evaluate_dir"] or options["data_dir"]
    # Of the training images one is enough.
    loaded = datasets.get(name, folder, 1, options["num_test"], _size(name, dataset))
    return datasets.with_test_images(dataset, loaded)


def _size(name: str, dataset: Dataset) -> tuple[int, int] | None:
    """The size to which photographs are brought; digits stay as they are until later."""
    height, width = dataset.input_shape[:2]
    return None if name == "digits" else (height, width)


def _wrong(model: keras.Model, dataset: Dataset, settings: dict[str, Any]) -> float:
    """Share of the test images of which a network takes another class for the likeliest."""
    return float(np.mean(_mistakes(model, dataset, settings)))


def _mistakes(model: keras.Model, dataset: Dataset, settings: dict[str, Any]) -> np.ndarray:
    """Which test images a network takes for another class, as an array of booleans."""
    size = evaluation_batch(settings, dataset)
    batches = dataset.test_batches(size, augment=settings["augment"])
    answers = []
    for images, _ in batches:
        stopping.check()
        answers.append(np.argmax(model.predict_on_batch(images), axis=-1))
    batches.release()
    return np.concatenate(answers) != dataset.y_test
