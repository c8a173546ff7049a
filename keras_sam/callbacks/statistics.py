"""BatchNormalization statistics at weights that no training step has seen."""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import keras
import numpy as np
from keras import ops

from keras_sam import backend
from keras_sam.keras_hooks import layers_of
from keras_sam.tensors import Tensor, Vector

Inputs: TypeAlias = Tensor | dict[str, Tensor]
Data: TypeAlias = Inputs | tuple[Inputs, ...] | Iterable[Inputs | tuple[Inputs, ...]]

MOVING_STATISTICS = ("moving_mean", "moving_variance", "moving_stddev")


def trained_normalizations(model: keras.Model) -> list[keras.layers.Layer]:
    """The BatchNormalization layers that use the statistics of the batch in training."""
    kind = keras.layers.BatchNormalization
    return [la for la in layers_of(model) if isinstance(la, kind) and la.trainable]


def moving_statistics(layers: list[keras.layers.Layer]) -> list[keras.Variable]:
    """What these layers of BatchNormalization keep of the batches."""
    return [getattr(la, key) for la in layers for key in MOVING_STATISTICS if hasattr(la, key)]


def refreshed_statistics(
    model: keras.Model,
    weights: list[keras.Variable],
    values: Sequence[np.ndarray],
    data: Data,
    batch_size: int,
) -> tuple[list[keras.Variable], Vector]:
    """BatchNormalization statistics at other weights, as the mean over batches.

    Args:
        model: The `keras.Model`, which stays as it is.
        weights: List of its variables.
        values: List of arrays, their values in the passes.
        data: See `WeightAveraging`.
        batch_size: Positive integer, for arrays.

    Returns:
        `(variables, statistics)`, two lists.

    Raises:
        ValueError: If `data` has no batch.
    """
    layers = trained_normalizations(model)
    variables = moving_statistics(layers)
    if not variables:
        return [], []
    placed = [(v, ops.convert_to_tensor(a, dtype=v.dtype)) for v, a in zip(weights, values)]
    num_batches, statistics = 0, [ops.stop_gradient(variable.value) for variable in variables]
    with _left_as_they_are(layers):
        for x in _batches(data, batch_size):
            for layer in layers:
                layer.momentum = num_batches / (num_batches + 1)
            mapping = [*placed, *zip(variables, statistics)]
            statistics = _after_pass(model, x, mapping, variables)
            num_batches += 1
    if not num_batches:
        raise ValueError(f"data must have at least one batch. Received: data={data!r}")
    return variables, statistics


def _after_pass(
    model: keras.Model,
    x: Inputs,
    mapping: list[tuple[keras.Variable, Tensor]],
    variables: list[keras.Variable],
) -> Vector:
    """Values that a forward pass in training mode would leave in `variables`."""
    inputs = keras.tree.map_structure(ops.convert_to_tensor, x)
    with keras.StatelessScope(state_mapping=mapping) as scope:
        model(inputs, training=True)
    return [scope.get_current_value(variable) for variable in variables]


@contextlib.contextmanager
def _left_as_they_are(layers: list[keras.layers.Layer]) -> Iterator[None]:
    """Puts back the layers' momentum, and the state of generators that are no variables."""
    momenta, random_state = [layer.momentum for layer in layers], backend.random_state()
    try:
        yield
    finally:
        backend.set_random_state(random_state)
        for layer, momentum in zip(layers, momenta):
            layer.momentum = momentum


def _batches(data: Data, batch_size: int) -> Iterator[Inputs]:
    """The inputs of `data`, batch by batch."""
    data = data[0] if isinstance(data, tuple) else data
    if not isinstance(data, dict) and not hasattr(data, "shape"):
        for batch in data:
            yield batch[0] if isinstance(batch, list | tuple) else batch
        return
    for start in range(0, len(keras.tree.flatten(data)[0]), batch_size):
        yield keras.tree.map_structure(lambda array: array[start : start + batch_size], data)  # noqa: B023
