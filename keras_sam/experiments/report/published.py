"""Finds the published figures that belong beside a row, and says how the row differs from them."""

import math
import re
from typing import Any

from keras_sam.experiments.report.names import name_of, value_text
from keras_sam.experiments.report.published_figures import FIGURES, Published

MODELS = {
    "WRN-28-10": "wrn2810|wideresnet2810",
    "Shake-Shake 26 2x96d": "shakeshake(26)?(2x96d)?",
    "PyramidNet": "pyramidnet(272)?(a200)?",
    "PyramidNet+ShakeDrop": "(pyramidnet)?(272)?(a200)?shakedrop(272)?(a200)?",
    "a small network": "convnet",
}
DATASETS = {
    "ImageNet": "imagenet(2012)?",
    "FGVC-Aircraft": "(fgvc)?aircraft",
    "Flowers-102": "(oxford)?flowers(102)?",
    "Oxford-IIIT Pets": "(oxford)?(iiit)?pets?",
    "Stanford Cars": "(stanford)?cars(196)?",
}
READINGS = {
    "e1": "On CIFAR-10 and CIFAR-100 SAM lowers the error of all networks with all augmentations.",
    "e2": "Plain training over-fits between 200 and 400 epochs; SAM keeps improving.",
    "e3": "Fine-tuning with SAM lowers the error on every data set.",
    "e4": "SAM alone is on a par with methods made for wrong labels.",
    "e5": "On CIFAR-10 SAM has the lower error after 100, 200 and 400 epochs; on CIFAR-100 both "
    "scatter widely, and after 400 epochs SAM's error is the larger one.",
    "e6": "SAM after half the epochs, which is as much work, is 6 to 7 points above SGD.",
    "e7": "Smaller batches generalise better for both; SAM is 5 to 10 points above SGD at every "
    "batch size, and its spread over seeds is smaller.",
    "e8": "Without BatchNorm, SAM and ASAM end alike; SAM's training loss is a third of ASAM's.",
    "e9": "Two ascent steps end a little above one.",
    "e10": "The Hessian's λ1 ends at 24 with SGD and at 1.0 with SAM, λ1/λ5 at 11.4 and 2.6.",
}
FINE_TUNED = "e3"  # There the networks have their own sizes of images.
OWN_SIZE = 32  # Of CIFAR's images, in pixels.
# What a run can have on top of a published one, and how its text reads.
ADDED = {
    "bootstrap": "the targets are in part the network's own",
    "average": "the weights are an average over epochs",
}
OURS = ("e1", "e3", "e5", "e6", "e8", "e9")  # The source prints the figures without this sentence.


def experiment_of(settings: dict, chosen: str | None = None) -> str | None:
    """The experiment that a run repeats, as its preset says or the user.

    Args:
        settings: Dictionary of a run's settings.
        chosen: String such as `"e6"`. Defaults to `None`.

    Returns:
        String, or `None` where only the settings can tell.
    """
    found = re.match(r"e\d+(?![a-z0-9])", str(settings.get("preset") or ""))
    return chosen or (found.group() if found else None)


def published(settings: dict, experiment: str | None = None) -> list[Published]:
    """The published figures to put beside a row.

    Args:
        settings: Dictionary of the row's settings.
        experiment: String such as `"e6"`, with which a network or an augmentation that differ
            are no obstacle. Defaults to `None`.

    Returns:
        List of `Published`, the nearest one of each source.
    """
    nearest: dict[str, Published] = {}
    for figure in FIGURES:
        if not _belongs(settings, figure, experiment):
            continue
        best = nearest.get(figure.source)
        if best is None or _distance(settings, figure) < _distance(settings, best):
            nearest[figure.source] = figure
    return list(nearest.values())


def elsewhere(settings: dict, experiment: str | None = None) -> list[Published]:
    """The published figures of methods that are not here, under a row's conditions.

    Args:
        settings: Dictionary of the row's settings.
        experiment: String such as `"e4"`. Defaults to `None`, as in `published`.

    Returns:
        List of `Published`.
    """
    return [
        figure
        for figure in FIGURES
        if figure.is_elsewhere
        and _belongs(settings | {"method": figure.method}, figure, experiment)
    ]


def is_same(settings: dict, figure: Published) -> bool:
    """Whether a published figure is of the very network, data set and augmentation.

    Args:
        settings: Dictionary of a row's settings.
        figure: A `Published`.
    """
    return (
        _same_name(settings.get("dataset"), figure.dataset, DATASETS)
        and _same_name(settings.get("model"), figure.model, MODELS)
        and _same_augmentation(settings, figure)
    )


def differences(settings: dict, figure: Published) -> list[str]:
    """How a row's settings differ from those of a published figure.

    Args:
        settings: Dictionary of the row's settings.
        figure: A `Published`.

    Returns:
        List of strings; empty where a comparison of size is fair.
    """
    found = []
    if not _same_name(settings.get("model"), figure.model, MODELS):
        found.append(f"the network is {settings.get('model')}, not {figure.model}")
    if not _same_name(settings.get("dataset"), figure.dataset, DATASETS):
        found.append(f"the data are {settings.get('dataset')}, not {figure.dataset}")
    if settings.get("num_train"):
        found.append(f"{settings['num_train']} training images are used, not all")
    size = settings.get("image_size")
    if size and size != OWN_SIZE and figure.experiment != FINE_TUNED:
        found.append(f"the images are made {size}x{size}")
    found += [words for key, words in ADDED.items() if settings.get(key)]
    if settings.get("smoke"):
        found.append("everything is scaled down by --smoke")
    if settings.get("holdout"):
        found.append("the test images are held out of the training images")
    if not _same_augmentation(settings, figure):
        ours = value_text("augment", settings.get("augment"))
        found.append(f"the augmentation is {ours}, not {figure.augment}")
    if figure.epochs and settings.get("epochs") != figure.epochs:
        found.append(f"the epochs are {settings.get('epochs')}, not {figure.epochs}")
    norm = (settings.get("method_arguments") or {}).get("p", 2)
    if norm != 2:
        found.append(f"the perturbation has p={value_text('p', norm)}, not 2")
    return found + [
        f"the {name_of(key)} is {value_text(key, settings.get(key))}, not {value}"
        for key, value in figure.like
        if settings.get(key) != value
    ]


def _belongs(settings: dict, figure: Published, experiment: str | None) -> bool:
    if figure.method != _method(settings) or figure.noise != (settings.get("label_noise") or 0):
        return False
    if figure.noise and settings.get("noise_kind", "symmetric") != "symmetric":
        return False
    if figure.augment is None and {"mixup", "cutmix"} & set(_augmentations(settings)):
        return False
    if not all(_value(settings, key) in values for key, values in figure.only):
        return False
    if experiment:
        exactly = _same_name(settings.get("dataset"), figure.dataset, DATASETS)
        return figure.experiment == experiment and (exactly or _is_part(settings, figure))
    return is_same(settings, figure)


def _method(settings: dict) -> str:
    """What the method is called where it is published: one on another run's labels is its own."""
    method = settings["method"]
    if method[0].isupper() or not settings.get("bootstrap_from"):
        return method
    return f"Bootstrap + {method.upper()}"


def _is_part(settings: dict, figure: Published) -> bool:
    """Whether the data are a part of the published ones, as flowers12 is of Flowers-102."""
    name = figure.dataset.partition("-")[0].lower()
    return name == "flowers" and str(settings.get("dataset")).startswith(name)


def _value(settings: dict, key: str) -> Any:
    return settings.get(key, "batch" if key == "normalization" else None)


def _augmentations(settings: dict) -> list[str]:
    names = settings.get("augment") or "none"
    return names.split(",") if isinstance(names, str) else names


def _same_augmentation(settings: dict, figure: Published) -> bool:
    augment = _bare("".join(_augmentations(settings)))
    return figure.augment is None or augment in (figure.augment, f"basic{figure.augment}")


def _same_name(ours: str | None, theirs: str, patterns: dict[str, str]) -> bool:
    pattern = patterns.get(theirs, _bare(theirs))
    return re.fullmatch(pattern, _bare(ours or "")) is not None


def _bare(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())


def _distance(settings: dict, figure: Published) -> tuple:
    """Sorts figures by how much else differs or is not stated, then by the ratio of the epochs."""
    epochs = settings.get("epochs")
    ratio = abs(math.log(epochs / figure.epochs)) if epochs and figure.epochs else 0.0
    other = not _same_name(settings.get("model"), figure.model, MODELS)
    unlike = not _same_augmentation(settings, figure)
    return other, unlike, figure.augment is None, ratio
