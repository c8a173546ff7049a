"""Measures trained models, one after the other."""

import dataclasses
import json
import sys
import time
from typing import Any

import keras
import numpy as np

import keras_sam
from keras_sam import sharpness
from keras_sam.checks import shown
from keras_sam.experiments.sharpness import ranking
from keras_sam.experiments.sharpness.options import Checkpoint
from keras_sam.experiments.training.planning import loaded
from keras_sam.experiments.training.run import with_noise
from keras_sam.experiments.training.watching import measured_on
from keras_sam.sharpness.measures import MEASURES, Settings


@dataclasses.dataclass(frozen=True)
class Finding:
    """What one model came to.

    Args:
        checkpoint: Its `Checkpoint`.
        numbers: Dictionary from a name to a float.
        num_examples: Int, training images that it was measured on.
        density: `keras_sam.sharpness.Density`, or `None` where it was not asked for.
        landscape: `keras_sam.sharpness.Landscape`, or `None`.
    """

    checkpoint: Checkpoint
    numbers: dict[str, float]
    num_examples: int
    density: sharpness.Density | None = None
    landscape: sharpness.Landscape | None = None


def measured(checkpoints: list[Checkpoint], options: dict[str, Any]) -> list[Finding]:
    """Measures all models, and says on the way how far it is.

    Raises:
        ValueError: If a file is no model, or a model does not fit its data.
        FileNotFoundError: If the data are missing.
    """
    findings: list[Finding] = []
    known: dict[str, _Data] = {}
    drawn: set[str] = set()
    for number, checkpoint in enumerate(checkpoints, start=1):
        began = time.perf_counter()
        model = _model(checkpoint)
        data = _data(checkpoint, options, known)
        _check_fits(model, data, checkpoint)
        pictures = [] if checkpoint.label in drawn else ["spectrum", "landscape"]
        findings.append(_measured(checkpoint, model, data, options, pictures))
        drawn.add(checkpoint.label)
        seconds = time.perf_counter() - began
        name = f"{checkpoint.label}, {checkpoint.path}"
        print(f"[{number}/{len(checkpoints)}] {name}: {seconds:.0f} s", flush=True)
    return findings


def _model(checkpoint: Checkpoint) -> keras.Model:
    try:
        model = keras.models.load_model(checkpoint.path, compile=False)
    except Exception as error:  # Whatever the bytes lead ZIP, HDF5 and Keras to.
        raise ValueError(
            f"{checkpoint.path} must be a model that Keras loads. Received: {shown(error)}"
        ) from error
    return model.base_model if isinstance(model, keras_sam.SAMModel) else model


@dataclasses.dataclass(frozen=True)
class _Data:
    """Images as the network takes them, and the labels that it was trained with.

    Args:
        name: The data set's name.
        num_classes: Integer.
        num_train: Integer, all images that it was trained on.
        train: Tuple `(images, labels)`.
        test: Tuple `(images, labels)`.
    """

    name: str
    num_classes: int
    num_train: int
    train: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


def _data(checkpoint: Checkpoint, options: dict[str, Any], known: dict[str, _Data]) -> _Data:
    """A model's `_Data`; what is in `known` is not made again."""
    key = json.dumps(checkpoint.data, sort_keys=True)
    if key not in known:
        known.clear()  # Models of one seed follow each other, and data sets are large.
        settings = checkpoint.data
        noisy = with_noise(settings, loaded(settings))
        known[key] = _Data(
            noisy.name,
            noisy.num_classes,
            len(noisy.x_train),
            measured_on(noisy, "train", options["num_examples"], options["right_labels"]),
            measured_on(noisy, "test", options["num_examples"]),
        )
    return known[key]


def _check_fits(model: keras.Model, data: _Data, checkpoint: Checkpoint) -> None:
    expected = (*data.train[0].shape[1:], data.num_classes)
    shapes = (*model.input_shape[1:], *model.output_shape[1:])
    if len(shapes) != len(expected) or any(
        size not in (None, wanted) for size, wanted in zip(shapes, expected)
    ):
        raise ValueError(
            f"The model must take images of {data.name}, {expected[:-1]}, and tell "
            f"{data.num_classes} classes apart; --dataset names another data set. Received: "
            f"{checkpoint.path} from {model.input_shape[1:]} to {model.output_shape[1:]}"
        )


def _measured(
    checkpoint: Checkpoint,
    model: keras.Model,
    data: _Data,
    options: dict[str, Any],
    pictures: list[str],
) -> Finding:
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=options["logits"])
    objective = sharpness.Objective(model, *data.train, loss, options["batch_size"])
    radii = options["rho"], options["adaptive_rho"]
    settings = Settings(*radii, seed=options["draws"], n=data.num_train, progress=_is_watched())
    numbers = _accuracies(model, data, options["batch_size"]) | {"loss": objective.loss()}
    for measure in options["measure"]:
        if measure in MEASURES:
            print(f"  {checkpoint.label}: {measure}", flush=True)
            numbers |= MEASURES[measure](objective, settings)
    for size in options["m"]:
        print(f"  {checkpoint.label}: m-sharpness of m {size}", flush=True)
        groups = sharpness.Objective(model, *data.train, loss, size)
        numbers[ranking.KEY.format(size)] = sharpness.worst_case(groups, options["rho"]).value
    wanted = [name for name in pictures if name in options["measure"]]
    density = _density(objective, options) if "spectrum" in wanted else None
    landscape = _landscape(objective, options) if "landscape" in wanted else None
    return Finding(checkpoint, numbers, objective.num_examples(), density, landscape)


def _accuracies(model: keras.Model, data: _Data, batch_size: int) -> dict[str, float]:
    shares = {}
    for name, (images, labels) in (("train", data.train), ("test", data.test)):
        guesses = model.predict(images, batch_size, verbose=0).argmax(axis=-1)
        shares[f"{name}_accuracy"] = 100 * float(np.mean(guesses == labels))
    return shares | {"gap": shares["train_accuracy"] - shares["test_accuracy"]}


def _density(objective: sharpness.Objective, options: dict[str, Any]) -> sharpness.Density:
    hessian = sharpness.KeptHessian(objective)
    return sharpness.spectral_density(
        hessian, options["steps"], seed=options["draws"], progress=_is_watched()
    )


def _landscape(objective: sharpness.Objective, options: dict[str, Any]) -> sharpness.Landscape:
    # Two seeds far from each other's neighbours: --draws=1 has no direction of --draws=0.
    seeds = 2 * options["draws"], 2 * options["draws"] + 1
    directions = [sharpness.random_direction(objective, seed) for seed in seeds]
    extent = {"reach": options["reach"], "points": options["points"]}
    return sharpness.landscape(objective, *directions, **extent, progress=_is_watched())


def _is_watched() -> bool:
    """Whether somebody sees a progress bar; in a log it would only be noise."""
    return sys.stderr.isatty()
