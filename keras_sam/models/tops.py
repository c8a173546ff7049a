"""The last layer of a pretrained network, kept where its classes are those of the data."""

from pathlib import Path
from typing import TypeAlias

import keras
import numpy as np
from keras import layers

from keras_sam.models.flax_checkpoints import TOP
from keras_sam.models.weights import load_weights

Top: TypeAlias = list[np.ndarray]  # Kernel and bias.


def check_kept(source: str, weights: str | Path | None) -> None:
    """Refuses to keep a last layer where none is at hand.

    Raises:
        ValueError: If there are no weights, or the source offers them without it.
    """
    if weights is None or source != "keras":
        raise ValueError(
            "keep_top takes the last layer from weights of Keras's networks: choose source='keras' "
            f"and weights, or leave it out. Received: source={source!r}, weights={weights!r}"
        )


def split(network: keras.Model) -> tuple[keras.Model, Top]:
    """Parts a network of `keras.applications` from its top.

    Args:
        network: A `keras.Model` that ends in pooling and a dense layer, with or without dropout
            between them.

    Returns:
        `(backbone, top)`: a `keras.Model` up to the features to pool, and the weights.

    Raises:
        ValueError: If it ends otherwise.
    """
    pooling, last = [x for x in network.layers if not isinstance(x, layers.Dropout)][-2:]
    is_known = isinstance(pooling, layers.GlobalAveragePooling2D) and isinstance(last, layers.Dense)
    if not is_known:
        raise ValueError(
            "keep_top needs a network that ends in global average pooling and a dense layer, such "
            f"as an EfficientNet or a ResNet. Received: {network.name}, which ends in {last.name}"
        )
    return keras.Model(network.inputs, pooling.input, name=network.name), last.get_weights()


def load_with_top(backbone: keras.Model, num_classes: int, path: str | Path) -> Top:
    """Fills a network from a file that holds its top as well.

    Args:
        backbone: A built `keras.Model`, changed in place.
        num_classes: Integer.
        path: Path of the file, as in `load_weights`.

    Returns:
        The weights of the top.

    Raises:
        ValueError: If the file is that of another network, or of one without its top.
    """
    pooled = layers.GlobalAveragePooling2D()(backbone.output)
    top = layers.Dense(num_classes, name=TOP)
    load_weights(keras.Model(backbone.inputs, top(pooled), name=backbone.name), path)
    return top.get_weights()


def set_top(head: layers.Dense, top: Top) -> None:
    """Gives a head the kernel and the bias of a pretrained one.

    Raises:
        ValueError: If they are for other classes.
    """
    if [array.shape for array in top] != [tuple(weight.shape) for weight in head.weights]:
        raise ValueError(
            f"keep_top needs data of the classes that the top tells apart, {len(top[-1])}: leave "
            f"it out for a new one. Received: num_classes={head.units}"
        )
    head.set_weights(top)
