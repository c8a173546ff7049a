"""What comes out of a look at the batch."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Evaluation:
    """Loss and gradient of the batch at one point.

    Args:
        loss: Scalar tensor, the loss that Keras would report.
        gradients: List of tensors, one for each weight that was differentiated.
        displacement: List of tensors to take from the weights beside the optimizer's update;
            `None` for almost every method.
    """

    loss: Any
    gradients: list
    displacement: list | None = None


@dataclass
class First:
    """What the first evaluation of a batch leaves: it owns the metrics and the state.

    Args:
        batch: The batch, or the part of it, that was evaluated.
        loss: Scalar tensor.
        predictions: Nested tensors.
        updates: List of `(variable, value)`: BatchNorm statistics, seeds, metrics.
        is_connected: List of bools, whether the loss depends on each weight.
        next_values: Dict from the index of a variable that is overwritten with its gradient
            (float8 scales) to that of the latest evaluation.
        is_finite: Bool tensor, whether the scaled gradients are; `None` without loss scaling.
    """

    batch: Any = None
    loss: Any = None
    predictions: Any = None
    updates: list = field(default_factory=list)
    is_connected: list | None = None
    is_finite: Any = None
    next_values: dict = field(default_factory=dict)

    def commit(self):
        """Hand what the evaluation assigned to the variables."""
        for variable, value in self.updates:
            variable.assign(value)
