"""Shrinks a run to a minute on two cores, with the same path through the code."""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np

from keras_sam import datasets, models

# A small network of the same family, by the start of the name.
FAMILIES = {
    "resnet": partial(models.resnet_cifar, 8),
    "wide_resnet": partial(models.wide_resnet, 10, 1),
    "shake_shake": partial(models.shake_shake, 8, 8),
    "pyramidnet": partial(models.pyramidnet, 11, 8),
    "vit": partial(models.vit, 4, 16, 2, 2),
}
# In the place of the EfficientNets, which take minutes to compile.
PRETRAINED = ("efficientnet_l2", {"width": 0.1, "depth": 0.1})
NO_STAND_IN = ("digits", "docstrings", "text_folder")
PHOTOGRAPHS = (32, 32, 3)
SIZES: dict[str, Any] = {
    "num_train": 32,
    "num_test": 20,
    "batch_size": 8,
    "epochs": 1,
    "steps": None,
    "warmup_epochs": 0.0,
    "watch_examples": 16,
}


def shrunk(options: dict[str, Any]) -> dict[str, Any]:
    """The options of a short run on few images and one seed; the same without `--smoke`."""
    if not options["smoke"]:
        return options
    sizes = {name: value for name, value in SIZES.items() if name in options}
    own = {
        "seeds": options["seeds"][:1],
        "plain_epochs": options["plain_epochs"] and 2,
        "num_batch_splits": options["num_batch_splits"] and 2,
        "image_size": options.get("image_size") and 32,
        "head_epochs": min(1, options.get("head_epochs", 0)),
        "verbose": "0",
    }
    return options | sizes | {name: value for name, value in own.items() if name in options}


def network(settings: dict[str, Any]) -> Callable[..., keras.Model] | None:
    """Builder of the small network in the place of a large one.

    Returns:
        Function of input shape, number of classes and options; `None` if the network stays.
    """
    name = settings["model"]
    family = max((start for start in FAMILIES if name.startswith(start)), key=len, default=None)
    if family is None or not settings["smoke"]:
        return None
    drop = {"shakedrop": True} if name.endswith("shakedrop") else {}
    return partial(FAMILIES[family], **drop)


def pretrained(settings: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Name and arguments of the network to fine-tune: the settings' own, or a small one's."""
    is_large = settings["smoke"] and settings["model"].startswith("efficientnet_")
    return PRETRAINED if is_large else (settings["model"], settings["model_arguments"])


def needs_stand_in(options: dict[str, Any]) -> bool:
    """Whether digits take the place of photographs that are not there."""
    wants_photographs = options["dataset"] not in NO_STAND_IN or bool(options.get("image_size"))
    return options["smoke"] and options["data_dir"] is None and wants_photographs


def stand_in(name: str, num_train: int | None, num_test: int | None) -> datasets.Dataset:
    """Digits as colour photographs of 32x32, where there is no folder with the data set itself."""
    digits = datasets.digits(None, num_train, num_test)
    return dataclasses.replace(
        digits,
        x_train=_photographs(np.asarray(digits.x_train)),
        x_test=_photographs(np.asarray(digits.x_test)),
        name=name,
        mean=(0.3, 0.3, 0.3),
        deviation=(0.4, 0.4, 0.4),
    )


def _photographs(digits: np.ndarray) -> np.ndarray:
    height, width, _ = digits.shape[1:]
    factors = (1, PHOTOGRAPHS[0] // height, PHOTOGRAPHS[1] // width, PHOTOGRAPHS[2])
    return np.kron(np.rint(255 * digits).astype("uint8"), np.ones(factors, "uint8"))
