"""Sums of what the micro-batches of a batch come to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import keras
from keras import ops

from keras_sam import tensors
from keras_sam.tensors import Tensor, Vector
from keras_sam.training.carriers import Context, Outcome

if TYPE_CHECKING:
    from keras_sam.methods.method import Method


class Weighting:
    """Weighted sums of outcomes.

    Args:
        method: The `Method`.
        variables: The trainable `keras.Variable`s.
        context: The `Context` of the method.
    """

    def __init__(self, method: Method, variables: Sequence[keras.Variable], context: Context):
        self.is_next_value = [v.overwrite_with_gradient for v in variables]
        slots = method.slots()
        averaged = {
            name: keras.tree.map_structure(lambda _, name=name: slots[name].is_averaged, entry)
            for name, entry in context.state.items()
        }
        # As `Context.variables` has them: flattened, then the batch that is kept.
        flat = keras.tree.flatten(averaged)
        self.is_averaged = flat + [False] * (len(context.variables) - len(flat))

    def scaled(self, gradients: Vector, factor: Tensor | float) -> Vector:
        """`factor` times the gradients, but for those that are their variable's next value."""
        return [
            gradient if is_next_value else gradient * ops.cast(factor, gradient.dtype)
            for gradient, is_next_value in zip(gradients, self.is_next_value, strict=True)
        ]

    def share_of(self, outcome: Outcome, share: Tensor) -> Outcome:
        """A micro-batch's share of the mean."""
        state = [
            value * ops.cast(share, value.dtype) if is_averaged else value
            for value, is_averaged in zip(outcome.state, self.is_averaged, strict=True)
        ]
        displacement = tensors.scale(outcome.displacement, share)
        return Outcome(self.scaled(outcome.gradients, share), displacement, state)

    def sum(self, left: Outcome, right: Outcome) -> Outcome:
        """The sum of two shares; of what has no mean the first counts."""
        # The next value of a float8 amax is the largest over the micro-batches, not a sum.
        gradients = [
            ops.maximum(a, b) if is_next_value else a + b
            for a, b, is_next_value in zip(
                left.gradients, right.gradients, self.is_next_value, strict=True
            )
        ]
        state = [
            a + b if is_averaged else a
            for a, b, is_averaged in zip(left.state, right.state, self.is_averaged, strict=True)
        ]
        return Outcome(gradients, tensors.add(left.displacement, right.displacement), state)
