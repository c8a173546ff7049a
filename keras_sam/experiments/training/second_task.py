"""What a trained network forgets of its task while it is fine-tuned on a second one."""

import dataclasses
from typing import Any

import keras
import numpy as np

from keras_sam.datasets import Dataset
from keras_sam.datasets.words import NUMBERS, PADDING
from keras_sam.experiments.training import building, losses
from keras_sam.experiments.training.entries import PLAIN

SEED = 1  # Of the order: all runs of a comparison have the same second task.
# Of the first training's: a network is fine-tuned more gently, and for less long.
RATE, EPOCHS = 0.1, 0.25


def permuted(dataset: Dataset) -> Dataset:
    """The second task: pixels, or the numbers of words, in another order, with the same classes.

    One order for all images, as in permuted MNIST (Goodfellow et al. 2014, arXiv:1312.6211).

    Args:
        dataset: A `Dataset` whose images are all in memory.

    Returns:
        A `Dataset`.

    Raises:
        ValueError: If images are read one by one.
    """
    if not isinstance(dataset.x_train, np.ndarray) or not isinstance(dataset.x_test, np.ndarray):
        raise ValueError(
            "The second task is the same images with their pixels in another order, which is for "
            "small images in memory: leave second_task out of --evaluate_on. "
            f"Received: {dataset.name}"
        )
    reorder = _words if dataset.kind == "text" else _pixels
    train, test = reorder(dataset.x_train), reorder(dataset.x_test)
    return dataclasses.replace(dataset, x_train=train, x_test=test)


def _pixels(images: np.ndarray) -> np.ndarray:
    pixels = images.reshape(len(images), -1, images.shape[-1])
    order = np.random.default_rng(SEED).permutation(pixels.shape[1])
    return pixels[:, order].reshape(images.shape)


def _words(texts: np.ndarray) -> np.ndarray:
    others = 1 + np.random.default_rng(SEED).permutation(NUMBERS - 1)
    return np.concatenate([[PADDING], others]).astype(texts.dtype)[texts]


def learn(model: keras.Model, settings: dict[str, Any], dataset: Dataset) -> keras.Model:
    """Fine-tunes a trained network, all its weights, with plain training whatever came before.

    Args:
        model: The `keras.Model` that a run left.
        settings: Dictionary of the run's settings.
        dataset: The second task.

    Returns:
        The same `keras.Model`.
    """
    keras.utils.set_random_seed(settings["seed"])
    epochs = max(1, round(EPOCHS * settings["epochs"]))
    rate = RATE * settings["learning_rate"]
    plain = settings | {"method": PLAIN, "learning_rate": rate, "epochs": epochs, "l2": 0.0}
    plain |= {"warmup_epochs": 0.0, "head_epochs": 0}
    batches = dataset.training_batches(
        settings["batch_size"],
        settings["seed"],
        augment="none",
        one_hot=losses.needs_one_hot(settings),
    )
    steps = epochs * batches.num_batches
    training = building.compiled(plain, model, dataset.num_classes, steps)
    following = [batches.follow_epochs()]
    training.fit(batches, epochs=epochs, callbacks=following, shuffle=False, verbose=0)
    batches.release()
    return model
