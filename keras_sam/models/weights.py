"""Weights from files of Keras, NumPy or Flax, checked layer by layer."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn, TypeGuard

import h5py
import keras
import numpy as np
from keras import ops

from keras_sam.datasets.archives import opened_archive
from keras_sam.models import flax_checkpoints
from keras_sam.models.flax_checkpoints import TOP
from keras_sam.models.scaling import RGB_DEVIATION

SUFFIXES = (".h5", ".keras", ".npz")
MOST_NAMES = 5


def is_file(weights: str | Path | None) -> TypeGuard[str | Path]:
    """Whether `weights` is the path of a file of weights and not a name.

    Raises:
        FileNotFoundError: If it looks like one, and there is none.
    """
    if weights is None:
        return False
    if Path(weights).suffix not in SUFFIXES:
        return flax_checkpoints.checkpoint_of(weights) is not None
    if not Path(weights).is_file():
        raise FileNotFoundError(
            f"There is no such file of weights. Received: weights={str(weights)!r}"
        )
    return True


def load_weights(model: keras.Model, path: str | Path) -> None:
    """Fills a model with the weights of a file, which must have just its layers.

    An `.npz` or `.keras` file may have the last layer, `predictions`, as well.

    Args:
        model: A built `keras.Model`, changed in place.
        path: Path of a `.weights.h5`, `.h5` or `.keras` file of Keras, of an `.npz` archive of
            floats of any type with keys such as `conv1/kernel`, or of a Flax checkpoint of
            google-research/sam, which is a file `checkpoint…` or the folder that has it.

    Raises:
        ImportError: If it is a checkpoint of Flax, and msgpack is not installed.
        ValueError: If layers are missing, are too many or have other shapes, or the file is
            damaged.
    """
    if Path(path).suffix == ".h5":
        _load_h5(model, path)
    else:
        _assign(model, _arrays_of_file(model, path), path)
    _correct_normalization(model)


def _arrays_of_file(model: keras.Model, path: str | Path) -> dict[str, np.ndarray]:
    checkpoint = flax_checkpoints.checkpoint_of(path)
    if checkpoint is not None:
        return flax_checkpoints.keras_arrays(flax_checkpoints.read(checkpoint), model)
    return _arrays_of_model(model, path) if Path(path).suffix == ".keras" else _npz(path)


def _npz(path: str | Path) -> dict[str, np.ndarray]:
    with opened_archive(path, "an archive of NumPy") as archive:
        # Keras 2 called the kernel of a depthwise convolution so.
        return {key.replace("depthwise_kernel", "kernel"): archive[key] for key in archive.files}


def _arrays_of_model(model: keras.Model, path: str | Path) -> dict[str, np.ndarray]:
    loaded = keras.saving.load_model(path, compile=False)
    # A model of `pretrained` holds the network as one of its layers.
    inner = [layer for layer in loaded.layers if isinstance(layer, keras.Model)]
    source = next((layer for layer in inner if layer.name == model.name), loaded)
    return {_key(v): ops.convert_to_numpy(v) for v in source.weights}


def _key(variable: keras.Variable) -> str:
    # Keras counts the layers of a process that have no name of their own.
    return re.sub(r"^normalization_\d+/", "normalization/", variable.path)


def _assign(model: keras.Model, arrays: dict[str, np.ndarray], path: str | Path) -> None:
    own = {_key(variable): variable for variable in model.weights}
    arrays = {k: v for k, v in arrays.items() if k in own or not k.startswith(f"{TOP}/")}
    shapes = {key: tuple(variable.shape) for key, variable in own.items()}
    differing = [key for key in own if key in arrays and arrays[key].shape != shapes[key]]
    findings = {
        "missing": _layers(key for key in own if key not in arrays),
        "extra": _layers(key for key in arrays if key not in own),
        "of another shape": _layers(differing),
    }
    if any(findings.values()):
        _refuse(model, path, "; ".join(f"{kind}: {_some(x)}" for kind, x in findings.items() if x))
    for key, variable in own.items():
        variable.assign(arrays[key])


def _layers(keys: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(key.rpartition("/")[0] for key in keys))


def _some(names: list[str]) -> str:
    rest = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {rest} more" if rest > 0 else "")


def _load_h5(model: keras.Model, path: str | Path) -> None:
    try:
        model.load_weights(path)
    except (ValueError, KeyError, OSError) as error:
        names = list(dict.fromkeys(re.findall(r"<\w+ name=([\w./-]+)", str(error))))
        reason = f"layers that do not match: {_some(names)}" if names else str(error)
        _refuse(model, path, reason, error)
    stored = _count_of_arrays(path)
    # Keras passes over layers that are in the file alone.
    if stored > len(model.variables):
        _refuse(model, path, f"{stored} arrays for {len(model.variables)} variables")


def _count_of_arrays(path: str | Path) -> int:
    found = []
    with h5py.File(path, "r") as file:
        file.visititems(lambda name, item: found.append(isinstance(item, h5py.Dataset)))
    return sum(found)


def _refuse(
    model: keras.Model, path: str | Path, reason: str, cause: Exception | None = None
) -> NoReturn:
    raise ValueError(
        f"The weights are not those of {model.name}: {' '.join(reason.split())}. Choose the file "
        f"of this architecture, with its last layer for keep_top. Received: weights={str(path)!r}"
    ) from cause


def _correct_normalization(model: keras.Model) -> None:
    """Keras's files of EfficientNet hold deviations in the place of variances.

    Its constructor makes up for that with one more layer, but only if it fetches the file. The
    layer computes with what it has derived from its weights, which are new now.
    """
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization) and layer.variables:
            stored = layer.get_weights()[1]
            if stored.shape == np.shape(RGB_DEVIATION) and np.allclose(
                stored, RGB_DEVIATION, atol=1e-3
            ):
                layer.variables[1].assign(np.square(stored))
            layer.finalize_state()
