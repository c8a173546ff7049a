"""Where a network without its top comes from: Keras, this package, KerasCV or KerasHub.

Each source is a function of a name, an input shape, weights to ask the source for and further
arguments. It gives the network, and the function that scales images from [0, 255] for it.
"""

import contextlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import keras
from keras import layers

from keras_sam import checks
from keras_sam.checks import import_extra
from keras_sam.models.efficientnet import L2, check_size, efficientnet
from keras_sam.models.scaling import Scaling, scaling_of
from keras_sam.tensors import Tensor

Network: TypeAlias = tuple[keras.Model, Scaling]
Scale: TypeAlias = float | Sequence[float] | None

OWN = {"efficientnetl2": L2}


def from_keras(
    name: str,
    input_shape: tuple[int, int, int],
    weights: str | Path | None,
    arguments: dict[str, Any],
) -> Network:
    """An architecture of `keras.applications`, or EfficientNet-L2."""
    if weights not in (None, "imagenet"):
        raise ValueError(
            'The weights of a network of Keras must be None, "imagenet", a file that ends in '
            ".weights.h5, .h5, .keras or .npz, or a Flax checkpoint, unpacked. "
            f"Received: weights={weights!r}"
        )
    key = _key(name)
    if key.startswith("efficientnet"):
        check_size(input_shape)
    if key in OWN:
        with _reported(name, weights, arguments):
            return _own(key, input_shape, weights, arguments), _unchanged
    constructors = applications()
    if key not in constructors:
        known = [*constructors.values(), *OWN]
        names = [getattr(item, "__name__", "efficientnet_l2") for item in known]
        raise ValueError(
            f"Unknown network of Keras: {checks.nearest(name, names)} Received: name={name!r}"
        )
    options = {"include_top": False, "weights": weights, "input_shape": input_shape}
    with _reported(name, weights, arguments):
        network = constructors[key](**options | arguments)
    return network, scaling_of(key, input_shape[-1])


@contextlib.contextmanager
def _reported(name: str, weights: str | Path | None, arguments: dict[str, Any]) -> Iterator[None]:
    """Says how to mend what a constructor does not take or cannot fetch."""
    try:
        yield
    except TypeError as error:
        if not arguments:
            raise
        raise ValueError(
            f"arguments must be those of the constructor of {name}: {error}. "
            f"Received: arguments={arguments}"
        ) from error
    except Exception as error:  # Keras has no class for it.
        if "URL fetch failure" not in str(error):
            raise
        raise ValueError(
            f"The weights of {name} could not be fetched ({error}): give the path of a file, as "
            "in --weights=FILE, or None, --weights=none, for random ones. "
            f"Received: weights={weights!r}"
        ) from error


def applications() -> dict[str, Callable[..., keras.Model]]:
    """Constructors of `keras.applications` by their names in small letters and figures.

    Returns:
        Dict from strings to functions.

    Example:

    >>> applications()["efficientnetv2b0"].__name__
    'EfficientNetV2B0'
    """
    functions = inspect.getmembers(keras.applications, inspect.isfunction)
    return {_key(name): function for name, function in functions}


def _key(name: str) -> str:
    return str(name).replace("_", "").replace("-", "").lower()


def _own(
    key: str,
    input_shape: tuple[int, int, int],
    weights: str | Path | None,
    arguments: dict[str, Any],
) -> keras.Model:
    if weights is not None:
        raise ValueError(
            "Keras does not offer these weights of EfficientNet-L2; give the path of a file. "
            f"Received: weights={weights!r}"
        )
    return efficientnet(**{**OWN[key], **arguments}, input_shape=input_shape, name=key)


def _unchanged(images: Tensor) -> Tensor:
    return images


def from_keras_cv(
    name: str,
    input_shape: tuple[int, int, int],
    weights: str | Path | None,
    arguments: dict[str, Any],
) -> Network:
    """A backbone of KerasCV: the name of a class of `keras_cv.models`, or of a preset."""
    models = import_extra("keras_cv", "keras-cv").models
    arguments = {"include_rescaling": True, "input_shape": input_shape, **arguments}
    if weights is None and hasattr(models, name):
        return getattr(models, name)(**arguments), _unchanged
    preset = _preset(name, weights)
    kind = getattr(models, name, None) or _owner_of(preset, models)
    return kind.from_preset(preset, load_weights=weights is not None, **arguments), _unchanged


def _owner_of(preset: str, models: ModuleType) -> Any:
    presets = {
        known: kind
        for kind in vars(models).values()
        if inspect.isclass(kind)
        for known in getattr(kind, "presets", ())
    }
    if preset not in presets:
        raise ValueError(
            f"Unknown preset of KerasCV: {checks.nearest(preset, list(presets))} "
            f"Received: {preset!r}"
        )
    return presets[preset]


def from_keras_hub(
    name: str,
    input_shape: tuple[int, int, int],
    weights: str | Path | None,
    arguments: dict[str, Any],
) -> Network:
    """A backbone of KerasHub by the name of its preset."""
    hub = import_extra("keras_hub", "keras-hub")
    preset = _preset(name, weights)
    arguments = {"image_shape": input_shape, **arguments}
    network = hub.models.Backbone.from_preset(preset, load_weights=weights is not None, **arguments)
    converter = hub.layers.ImageConverter.from_preset(preset)
    return network, _rescaling(converter.scale, converter.offset)


def _preset(name: str, weights: str | Path | None) -> str:
    return name if weights in (None, "imagenet") else str(weights)


def _rescaling(scale: Scale, offset: Scale) -> Scaling:
    if scale is None and offset is None:
        return _unchanged
    return layers.Rescaling(1.0 if scale is None else scale, 0.0 if offset is None else offset)


SOURCES = {"keras": from_keras, "keras_cv": from_keras_cv, "keras_hub": from_keras_hub}
