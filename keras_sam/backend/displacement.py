"""Moves of the weights beside the optimizer's."""

from collections.abc import Sequence

import keras

from keras_sam.backend.types import Tensor, Vector


def displaced(
    variables: Sequence[keras.Variable], values: Sequence[Tensor], steps: Vector
) -> Vector:
    """The values less the steps, within the variables' constraints.

    Args:
        variables: List of `keras.Variable`.
        values: List of tensors, what the optimizer has made of them.
        steps: List of tensors to take away; the empty list leaves the values as they are.
    """
    if not steps:
        return list(values)
    moved = [value - step for value, step in zip(values, steps)]
    return [
        value if variable.constraint is None else variable.constraint(value)
        for variable, value in zip(variables, moved)
    ]


def displace(variables: Sequence[keras.Variable], steps: Vector) -> None:
    """Takes the steps from the variables; none where there are no steps."""
    for variable, value in zip(variables, displaced(variables, variables, steps) if steps else ()):
        variable.assign(value)
