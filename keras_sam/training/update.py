"""What a batch does to the model, and means of it over micro-batches."""

from dataclasses import dataclass

from keras import ops

from keras_sam import tensors


@dataclass(frozen=True)
class Update:
    """What a batch does to the model, beside its metrics.

    Args:
        gradients: List of tensors for the optimizer.
        displacement: List of tensors to take from the weights after the optimizer's update;
            empty for almost every method.
        state: List of the new values of the method's state.
    """

    gradients: list
    displacement: list
    state: list


class Weighting:
    """Weighted sums of updates.

    Args:
        model: The `SAMModel`.
        context: `keras_sam.training.memory.Context` of its method.
    """

    def __init__(self, model, context):
        self.is_next_value = [v.overwrite_with_gradient for v in model.trainable_variables]
        slots = model.method.slots()
        averaged = [
            slots[name].is_averaged
            for name, entry in context.state.items()
            for _ in (entry if isinstance(entry, list) else [entry])
        ]
        self.is_averaged = averaged + [False] * (len(context.variables) - len(averaged))

    def scaled(self, gradients, factor):
        """`factor` times the gradients, but for those that are their variable's next value."""
        return [
            gradient if is_next_value else gradient * ops.cast(factor, gradient.dtype)
            for gradient, is_next_value in zip(gradients, self.is_next_value, strict=True)
        ]

    def share_of(self, update, share):
        """A micro-batch's share of the mean."""
        state = [
            value * ops.cast(share, value.dtype) if is_averaged else value
            for value, is_averaged in zip(update.state, self.is_averaged, strict=True)
        ]
        displacement = tensors.scale(update.displacement, share)
        return Update(self.scaled(update.gradients, share), displacement, state)

    def sum(self, left, right):
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
        return Update(gradients, tensors.add(left.displacement, right.displacement), state)
