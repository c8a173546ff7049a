"""A training of the app that takes a second, and what the children of a campaign import for it."""

import contextlib
import importlib
import io
import os
import time
import warnings
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
from keras import layers

from keras_sam import backend, experiments
from keras_sam.datasets import Dataset
from keras_sam.experiments.results import summary
from keras_sam.experiments.training import building

BACKEND = keras.backend.backend()
# What a training imports when it is under way: once here, and not in each child.
LAZY = ("tensorflow", "matplotlib.figure", "optuna", "scipy.sparse", "sklearn.datasets")
for name in LAZY:
    with contextlib.suppress(ImportError):
        importlib.import_module(name)
__all__ = ["BACKEND", "summary", "train", "weights"]


def network(settings: dict[str, Any], dataset: Dataset) -> keras.Model:
    """A network that compiles in a second, with statistics and random numbers of its own.

    Args:
        settings: Dictionary of a run's settings.
        dataset: A `Dataset`.

    Returns:
        A `keras.Model`.
    """
    images = keras.Input(dataset.input_shape)
    x = layers.Conv2D(3, 3, strides=2)(images)
    x = layers.Activation("relu")(layers.BatchNormalization()(x))
    x = layers.Dropout(0.2)(layers.Flatten()(x))
    return keras.Model(images, layers.Dense(dataset.num_classes, dtype="float32")(x))


def train(**flags: Any) -> float:
    """Trains as the app does, on a few digits; returns the seconds.

    Args:
        **flags: Flags of `train_resnet`.

    Raises:
        ValueError: If the app refuses them.
        RuntimeError: If the run failed.
    """
    # Only in a child, which ends with this call.
    building.base_model = network
    warnings.simplefilter("ignore")
    if cache := os.environ.get("FAULTS_COMPILED"):
        backend.keep_compiled(Path(cache))
    small = {"dataset": "digits", "model": "convnet", "num_train": 64, "num_test": 20}
    small |= {"batch_size": 16, "epochs": 3, "verbose": 0}
    started = time.perf_counter()
    experiments.train(**{**small, **flags})
    return time.perf_counter() - started


def weights(path: Path) -> list[tuple[str, np.ndarray]]:
    """Names and values of the weights in a `.keras` file, read without Keras."""
    found = []
    with zipfile.ZipFile(path) as archive:
        file = h5py.File(io.BytesIO(archive.read("model.weights.h5")))

    def collect(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found.append((name, np.asarray(item)))

    file.visititems(collect)
    return found
