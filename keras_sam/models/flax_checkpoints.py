"""EfficientNets from checkpoints in the layout of google-research/sam, which publishes them in it.

Facts of its code (`sam_jax/efficientnet`, `sam_jax/imagenet_models`) and of Flax 0.2, its modules
before Linen. A file is MessagePack of a pair: the parameters as a tree of modules, and the
statistics of BatchNorm by the modules' paths. A module without a name of its own is called by its
class and its place in the one around it, so B0 has `Stem_0`, `MBConvBlock_1` to `MBConvBlock_16`
and `Head_17`. All arrays have Keras's shapes, depthwise kernels too: only names are translated.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import keras
import numpy as np

from keras_sam.checks import import_extra
from keras_sam.models.scaling import RGB_DEVIATION, RGB_MEAN

Arrays: TypeAlias = dict[str, np.ndarray]

LAYERS = {
    "conv2d": "conv",
    "batch_normalization": "bn",
    "expand_conv2d_0": "expand_conv",
    "depthwise_conv2d": "dwconv",
    "SqueezeExcite_0/reduce_conv2d_0": "se_reduce",
    "SqueezeExcite_0/expand_conv2d_1": "se_expand",
    "project_conv2d_0": "project_conv",  # Of a block that does not expand.
    "project_conv2d_1": "project_conv",
}
NORMS = ("expand_bn", "bn", "project_bn")  # A block that does not expand has the last two.
WEIGHTS = {"kernel": "kernel", "depthwise_kernel": "kernel", "bias": "bias"}
NORM_WEIGHTS = {"scale": "gamma", "bias": "beta", "mean": "moving_mean", "var": "moving_variance"}
TOP = "predictions"
STANDARDISATION = {  # There it is a part of the data; in the network Keras has it in a layer.
    "normalization/mean": np.array(RGB_MEAN),
    "normalization/variance": np.square(RGB_DEVIATION),
    "normalization/count": np.array(0),
}


def checkpoint_of(weights: str | Path) -> Path | None:
    """The Flax checkpoint that a path names: a file `checkpoint…`, or the last one of a folder.

    Args:
        weights: String or path.

    Returns:
        Path; `None` where there is none.

    Example:

    >>> from keras_sam.models.flax_checkpoints import checkpoint_of
    >>> checkpoint_of("imagenet") is None
    True
    """
    path = Path(weights)
    if path.is_file():
        return path if path.name.startswith("checkpoint") and not path.suffix else None
    found = [file for file in path.glob("checkpoint*") if file.is_file() and not file.suffix]
    return max(found, key=lambda file: _number(file.name), default=None)


def read(path: str | Path) -> dict[str, Any]:
    """Reads a checkpoint.

    Args:
        path: Path of the file.

    Returns:
        Nested dictionary of arrays.

    Raises:
        ImportError: If msgpack is not installed.
        ValueError: If the file is no checkpoint of Flax.
    """
    msgpack = import_extra("msgpack", "msgpack", None)

    def array(kind: int, data: bytes) -> Any:
        if kind not in (1, 3):  # An array, or a scalar as one: all that Flax keeps here.
            raise ValueError(f"an extension of kind {kind}")
        shape, dtype, content = msgpack.unpackb(data, raw=True)
        return np.frombuffer(content, np.dtype(dtype.decode())).reshape(shape)

    try:
        found = msgpack.unpackb(Path(path).read_bytes(), ext_hook=array, strict_map_key=False)
        return dict(found)
    except (ValueError, TypeError, AttributeError, msgpack.UnpackException) as error:
        raise ValueError(
            f"{path} must be a checkpoint of Flax, whole. Received: {type(error).__name__}: {error}"
        ) from error


def keras_arrays(checkpoint: Mapping[str, Any], model: keras.Model) -> Arrays:
    """The arrays of a checkpoint by the names that they have in a network of Keras.

    Each array has one place; the last layer's are left out where the network is without its top.

    Args:
        checkpoint: Nested dictionary of arrays, of a published checkpoint or of one that a
            training of the reference wrote.
        model: A `keras.applications` EfficientNet, or one of `keras_sam.models.efficientnet`.

    Returns:
        Dictionary from a name such as `stem_conv/kernel` to an array.

    Raises:
        ValueError: If the checkpoint has another layout, or as many blocks as another network.
    """
    arrays = dict(_arrays(checkpoint))
    modules = _module_names({path[0] for path in arrays}, model)
    norms = Counter(path[0] for path in arrays if _is_norm(path) and path[-1] == "scale")
    found: Arrays = {}
    for path, array in arrays.items():
        key = _key(path, modules, norms[path[0]])
        if key in found:
            raise ValueError(f"Two arrays of the checkpoint are {key}. Received: {'/'.join(path)}")
        found[key] = array
    names = {layer.name for layer in model.layers}
    if TOP not in names:
        found = {key: array for key, array in found.items() if not key.startswith(f"{TOP}/")}
    return found | (STANDARDISATION if "normalization" in _bare(names) else {})


def _arrays(checkpoint: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], np.ndarray]]:
    """Each array of parameters and statistics by its path."""
    try:
        if "optimizer" in checkpoint:  # Of a training.
            parameters, state = checkpoint["optimizer"]["target"], checkpoint["model_state"]
            state = state.get("0", state)  # With moving averages behind.
        else:
            parameters, state = checkpoint["0"], checkpoint["1"]
        yield from _leaves(parameters["params"], ())
        for module, statistics in state.items():
            yield from _leaves(statistics, tuple(module.strip("/").split("/")))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            "The checkpoint must have the layout of google-research/sam: parameters, and the "
            f"statistics of BatchNorm. Received: {type(error).__name__}: {error}"
        ) from error


def _leaves(
    tree: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], np.ndarray]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*path, name))
        else:
            yield (*path, name), np.asarray(value)


def _module_names(modules: Iterable[str], model: keras.Model) -> dict[str, str]:
    """Beginnings of Keras's names by the outermost modules, block by block."""
    kinds = {"Stem": ["stem_"], "MBConvBlock": _blocks(model), "Head": ["top_"]}
    found: dict[str, str] = {}
    for kind, names in kinds.items():
        own = sorted((m for m in modules if m.rpartition("_")[0] == kind), key=_number)
        if len(own) != len(names):
            raise ValueError(
                f"The weights are not those of {model.name}, which has {len(names)} {kind}. "
                f"Received: a checkpoint with {len(own)}"
            )
        found |= zip(own, names, strict=True)
    return found


def _blocks(model: keras.Model) -> list[str]:
    found = (re.match(r"block\d+[^_]_", layer.name) for layer in model.layers)
    return sorted({match.group() for match in found if match})


def _key(path: tuple[str, ...], modules: dict[str, str], norms: int) -> str:
    """Keras's name of an array of a module that has some layers of BatchNorm."""
    *inner, weight = path[1:]
    name, names = "/".join(inner), NORM_WEIGHTS if _is_norm(path) else WEIGHTS
    try:
        if name == "dense":
            return f"{TOP}/{WEIGHTS[weight]}"
        numbered = re.fullmatch(r"batch_normalization_(\d)", name)
        layer = NORMS[int(numbered[1]) - norms] if numbered else LAYERS[name]
        return f"{modules[path[0]]}{layer}/{names[weight]}"
    except LookupError as error:
        raise ValueError(
            f"The checkpoint has an array that no EfficientNet has. Received: {'/'.join(path)}"
        ) from error


def _is_norm(path: tuple[str, ...]) -> bool:
    return len(path) > 2 and path[1].startswith("batch_normalization")


def _number(name: str) -> int:
    digits = re.search(r"\d+$", name)
    return int(digits.group()) if digits else -1


def _bare(names: Iterable[str]) -> set[str]:
    """Names without the numbers by which Keras tells layers of a process apart."""
    return {re.sub(r"_\d+$", "", name) for name in names}
