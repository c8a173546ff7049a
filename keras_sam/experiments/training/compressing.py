"""Trained networks made smaller: their weights quantised by Keras, or the shortest set to zero."""

import warnings
from collections.abc import Callable, Iterator

import keras
import numpy as np

from keras_sam.keras_hooks import layers_of

MODES = ("int8", "int4")
PRUNED = (0.3, 0.5, 0.7)


def compressed(load: Callable[[], keras.Model]) -> Iterator[tuple[str, keras.Model]]:
    """A network in every smaller form, one after the other, none of them trained further.

    Args:
        load: Function without arguments that returns the `keras.Model` as it was trained.

    Yields:
        `(name, model)`: what was done to it, in words, and the smaller `keras.Model`.
    """
    for mode in MODES:
        model = load()
        yield f"{mode}, {quantize(model, mode):.0%} of the weights", model
    for share in PRUNED:
        model = load()
        prune(model, share)
        yield f"{share:.0%} pruned", model


def quantize(model: keras.Model, mode: str) -> float:
    """Quantises the layers that Keras can: dense ones and embeddings, but no convolutions.

    Args:
        model: A built `keras.Model`.
        mode: String, `"int8"` or `"int4"`.

    Returns:
        Float, the share of the model's weights that are integers now.
    """
    # A layer's matrix is the first of its weights; int4 packs two of its numbers into one.
    sizes = {layer: layer.weights[0].shape for layer in layers_of(model) if layer.weights}
    every = model.count_params()
    with warnings.catch_warnings():  # One for each layer that has nothing to quantise.
        warnings.simplefilter("ignore")
        model.quantize(mode)
    chosen = [shape for layer, shape in sizes.items() if layer.dtype_policy.quantization_mode]
    return sum(int(np.prod(shape)) for shape in chosen) / every


def prune(model: keras.Model, share: float) -> None:
    """Sets the shortest weights of all kernels together to zero (Han et al. 2015).

    Biases and normalisation, which are few, stay as they are.

    Args:
        model: A built `keras.Model`.
        share: Float in [0, 1], of the kernels' weights.
    """
    kernels = [variable for variable in model.trainable_variables if len(variable.shape) > 1]
    values = [keras.ops.convert_to_numpy(kernel) for kernel in kernels]
    threshold = np.quantile(np.concatenate([np.abs(value).ravel() for value in values]), share)
    for kernel, value in zip(kernels, values, strict=True):
        kernel.assign(np.where(np.abs(value) < threshold, 0, value))
