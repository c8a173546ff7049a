"""Graphs in two parts, of which the first is computed once."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from keras_sam.backend.types import Tensor


class Split:
    """A function of fixed tensors and a vector, as a function of the vector alone.

    What does not depend on the vector is computed once, and only what the rest needs of it stays.

    Args:
        function: Maps nested tensors, some of which may be `None`, and the vector to a tensor.
    """

    def __init__(self, function: Callable[..., Tensor]):
        self._function = function
        self._parts: dict[Any, Any] = {}  # By the types and shapes of what is fixed.

    def at(self, fixed: Any, vector: Tensor, room: float) -> Callable[[Tensor], Tensor] | None:
        """The function of such a vector.

        `None` where more than `room` bytes would stay, or TensorFlow cannot cut the graph.
        """
        given = [leaf for leaf in tf.nest.flatten(fixed) if leaf is not None]
        specs = [tf.TensorSpec.from_tensor(tensor) for tensor in (*given, vector)]
        key = (str(tf.nest.map_structure(lambda leaf: leaf is None, fixed)), *specs)
        if key not in self._parts:
            self._parts[key] = _parts_if_any(functools.partial(self._packed, fixed), specs)
        parts = self._parts[key]
        if parts is None or parts.size > room:
            return None
        return functools.partial(parts.rest, parts.first(given))

    def _packed(self, fixed, *tensors):
        left = iter(tensors)
        values = tf.nest.map_structure(lambda leaf: leaf if leaf is None else next(left), fixed)
        return self._function(*values, next(left))


class _Parts(NamedTuple):
    """What gives the tensors to keep, what takes them and the vector, and their bytes."""

    first: Callable[..., list[Tensor]]
    rest: Callable[..., Tensor]
    size: int


def _parts_if_any(function, specs):
    try:
        return _parts(function, specs)
    except Exception:  # There are many kinds of them, and the product can do without parts.
        return None


def _parts(function, specs):
    traced = tf.compat.v1.wrap_function(function, specs)
    whole = traced.prune(traced.inputs, traced.outputs[0])  # Without what nobody asks for.
    *fixed, vector = whole.inputs
    operations = whole.graph.get_operations()
    # What a loop leaves for its gradient, lists of tensors, cannot leave its graph.
    lists = [t for operation in operations for t in operation.outputs if t.dtype == tf.variant]
    changing = _reached(operations, [vector, *lists])
    known = _reached(operations, fixed) - changing
    between = {
        tensor.ref(): tensor
        for operation in operations
        if any(output.ref() in changing for output in operation.outputs)
        for tensor in operation.inputs
        if tensor.ref() in known
    }
    kept = list(between.values())
    first, rest = whole.prune(fixed, kept), whole.prune([*kept, vector], whole.outputs[0])
    # Each call of what was pruned takes long by itself, but not within a graph.
    return _Parts(
        tf.function(lambda tensors: first(*tensors)),
        tf.function(lambda tensors, vector: rest(*tensors, vector)),
        sum((tensor.shape.num_elements() or 0) * tensor.dtype.size for tensor in kept),
    )


def _reached(operations, tensors):
    """References of all tensors that depend on one of these."""
    found, before = {tensor.ref() for tensor in tensors}, 0
    while len(found) > before:  # Again, as loops have inputs that were made after them.
        before = len(found)
        for operation in operations:
            # Gradients wait, by control inputs, for what they do not read.
            waited_for = (t for waited in operation.control_inputs for t in waited.outputs)
            if any(tensor.ref() in found for tensor in (*operation.inputs, *waited_for)):
                found.update(output.ref() for output in operation.outputs)
    return found
