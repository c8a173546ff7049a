"""The batch of the step before, kept in variables for methods that come back to it."""

import itertools
import json
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops

from keras_sam.tensors import Batch, Tensor
from keras_sam.training import batches

# `"float32:8,4"` for each tensor of a batch and `None` for `None`, nested as the batch is.
Spec: TypeAlias = Any


class LastBatch:
    """Variables that hold a batch.

    Their size is that of the first batch of the training. A smaller one, the last of an epoch,
    is repeated from its start to fill them, with weights that leave each example its share; of a
    larger one the first examples are kept.

    Args:
        layer: The `keras.Layer` to own the variables.
        spec: Nested strings, `"float32:8,4"` for each tensor of the batch, `None` for `None`.
    """

    def __init__(self, layer: keras.layers.Layer, spec: Spec) -> None:
        self.spec = spec
        self.variables: list[keras.Variable] = []
        self.batch_variables = keras.tree.map_structure(
            lambda leaf: None if leaf is None else self._variable(layer, leaf), spec
        )
        # In the order in which a batch's leaves come.
        self.parts = _leaves(self.batch_variables)
        self.weights = self._variable(layer, f"float32:{self.parts[0].shape[0]}")

    def _variable(self, layer: keras.layers.Layer, leaf: str) -> keras.Variable:
        dtype, shape = leaf.split(":")
        name = f"last_batch_{len(self.variables)}"
        variable = layer.add_weight(
            name=name,
            shape=tuple(int(size) for size in shape.split(",") if size),
            # JAX has no int64 unless told so, and warns of it.
            dtype=ops.convert_to_tensor(np.zeros((), dtype)).dtype,
            initializer="zeros",
            trainable=False,
            autocast=False,
        )
        setattr(layer, name, variable)  # For `forget`: what is an attribute can be deleted.
        self.variables.append(variable)
        return variable

    def forget(self, layer: keras.layers.Layer) -> None:
        """Gives the variables up."""
        for number in range(len(self.variables)):
            delattr(layer, f"last_batch_{number}")

    @property
    def batch(self) -> Batch:
        """The kept batch: `(x, y, sample_weight)`."""
        return keras.tree.map_structure(
            lambda leaf: None if leaf is None else ops.convert_to_tensor(leaf.value),
            self.batch_variables,
        )

    def keep(self, batch: Batch) -> None:
        """Keeps `(x, y, sample_weight)` for the next step."""
        size = batches.batch_size(batch[0])
        capacity = self.weights.shape[0]
        rows = ops.mod(ops.arange(capacity), size)
        for variable, leaf in zip(self.parts, _leaves(batch), strict=True):
            variable.assign(ops.cast(ops.take(leaf, rows, axis=0), variable.dtype))
        copies = ops.cast((capacity - 1 - rows) // size + 1, "float32")
        share = capacity / ops.minimum(ops.cast(size, "float32"), capacity)
        self.weights.assign(share / copies)


def _leaves(batch: Batch) -> list[Tensor]:
    return [leaf for leaf in keras.tree.flatten(batch) if leaf is not None]


def spec_of(batch: Batch) -> Spec:
    """What `LastBatch` needs to know of a batch.

    Args:
        batch: `(x, y, sample_weight)`, nested arrays.

    Raises:
        ValueError: If a shape is not known, or an array holds no numbers.
    """

    def describe(leaf: Tensor | None) -> str | None:
        if leaf is None:
            return None
        dtype = str(getattr(leaf.dtype, "name", leaf.dtype))
        if dtype.startswith(("str", "object")) or None in tuple(leaf.shape):
            raise ValueError(
                "This method keeps the batch before, and needs arrays of numbers whose shapes are "
                "known; train with fit or train_on_batch. "
                f"Received: dtype={dtype}, shape={tuple(leaf.shape)}"
            )
        return f"{keras.backend.standardize_dtype(leaf.dtype)}:{','.join(map(str, leaf.shape))}"

    return keras.tree.map_structure(describe, batch)


def as_array(spec: Spec) -> np.ndarray:
    """The spec as numbers, which is all that a file of weights can hold."""
    return np.frombuffer(json.dumps(spec).encode(), "uint8")


def from_array(numbers: np.ndarray) -> Spec:
    """The spec that `as_array` made numbers of, its tuples as lists."""
    return json.loads(numbers.tobytes())


def fits(spec: Spec, kept: Spec) -> bool:
    """Whether batches of `spec` go into a `LastBatch` of the spec `kept`."""
    pairs = list(itertools.zip_longest(keras.tree.flatten(spec), keras.tree.flatten(kept)))
    return all(_fits(*pair) for pair in pairs)


def _fits(leaf: str | None, kept: str | None) -> bool:
    if leaf is None or kept is None:
        return leaf is kept
    (dtype, shape), (kept_dtype, kept_shape) = leaf.split(":"), kept.split(":")
    (size, *axes), (kept_size, *kept_axes) = shape.split(","), kept_shape.split(",")
    return (dtype, axes) == (kept_dtype, kept_axes) and int(size) <= int(kept_size)
