"""The radius rho over time."""

from typing import TypeAlias

import keras
from keras import ops
from keras.optimizers.schedules import LearningRateSchedule

from keras_sam import checks, tensors

Rho: TypeAlias = float | LearningRateSchedule


def check_rho(rho):
    """`rho`, if it is a radius: a finite number of at least 0 or a schedule of it.

    Args:
        rho: Float, or a `keras.optimizers.schedules.LearningRateSchedule` over the optimizer's
            iterations, whose negative values count as 0.

    Returns:
        The float or the schedule.

    Raises:
        ValueError: If it is neither.
    """
    if isinstance(rho, LearningRateSchedule):
        return rho
    if not checks.is_number(rho) or rho < 0:
        raise ValueError(
            "rho must be a finite number of at least 0, or a "
            f"keras.optimizers.schedules.LearningRateSchedule. Received: rho={rho!r}"
        )
    return float(rho)


def rho_at(rho, iteration):
    """The radius at an iteration, as a scalar of at least 0, in float32 at least.

    Args:
        rho: A `LearningRateSchedule`, or the `keras.Variable` that holds a constant radius.
        iteration: Integer scalar tensor, updates that the optimizer has made.
    """
    value = rho(iteration) if isinstance(rho, LearningRateSchedule) else rho
    value = tensors.at_least_float32(ops.convert_to_tensor(value))
    return ops.maximum(value, ops.zeros_like(value))


def serialize_rho(rho):
    """`rho` as plain data."""
    return keras.saving.serialize_keras_object(rho) if callable(rho) else rho


def deserialize_rho(config):
    """The inverse of `serialize_rho`."""
    return keras.saving.deserialize_keras_object(config) if isinstance(config, dict) else config
