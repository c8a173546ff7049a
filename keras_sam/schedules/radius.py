"""The radius rho, a number or a schedule, and the variable of a model that holds it."""

from typing import Any, TypeAlias, TypeGuard

import keras
from keras import ops
from keras.optimizers.schedules import LearningRateSchedule

from keras_sam import checks, tensors
from keras_sam.backend.types import ModelMixin
from keras_sam.schedules.follow_learning_rate import FollowLearningRate
from keras_sam.tensors import Tensor

Rho: TypeAlias = float | LearningRateSchedule | FollowLearningRate


def check_rho(rho: Rho, name: str = "rho") -> Rho:
    """`rho`, if it is a radius: a finite number of at least 0 or a schedule of it.

    Args:
        rho: Float, a `keras.optimizers.schedules.LearningRateSchedule` over the optimizer's
            iterations, whose negative values count as 0, or a `FollowLearningRate`.
        name: Name of the argument, for the error. Defaults to `"rho"`.

    Returns:
        The float, or what it was.

    Raises:
        ValueError: If it is neither.
    """
    if not is_constant(rho):
        return rho
    if not checks.is_number(rho) or rho < 0:
        expected = (
            "a finite number of at least 0, a keras.optimizers.schedules.LearningRateSchedule, or "
            "a keras_sam.schedules.FollowLearningRate"
        )
        checks.refuse(name, expected, rho)
    return float(rho)


def is_constant(rho: Rho) -> TypeGuard[float]:
    """Whether `rho` is no schedule."""
    return not isinstance(rho, LearningRateSchedule | FollowLearningRate)


def rho_at(rho: Rho | keras.Variable, optimizer: keras.optimizers.Optimizer | None) -> Tensor:
    """The radius now, as a scalar of at least 0, in float32 at least.

    Args:
        rho: A schedule, or the `keras.Variable` that holds a constant radius.
        optimizer: The compiled optimizer; `None` stands for its first step.
    """
    if isinstance(rho, LearningRateSchedule):
        rho = rho(0 if optimizer is None else optimizer.iterations)
    elif isinstance(rho, FollowLearningRate):
        rate = rho.lr_max if optimizer is None else optimizer.learning_rate
        rho = rho.at(ops.convert_to_tensor(rate))
    value = tensors.at_least_float32(ops.convert_to_tensor(rho))
    return ops.maximum(value, ops.zeros_like(value))


def serialize_rho(rho: Rho) -> float | dict[str, Any]:
    """`rho` as plain data."""
    if isinstance(rho, LearningRateSchedule | FollowLearningRate):
        return keras.saving.serialize_keras_object(rho)
    return rho


def deserialize_rho(config: float | dict[str, Any]) -> Rho:
    """The inverse of `serialize_rho`."""
    return keras.saving.deserialize_keras_object(config) if isinstance(config, dict) else config


class Radius(ModelMixin):
    """Holds the radius as a variable, or follows its schedule."""

    _rho = None

    def _add_rho(self, rho: float) -> keras.Variable:
        """The radius as a variable, so that callbacks assign it and checkpoints carry it."""
        return self.add_weight(
            name="rho",
            shape=(),
            dtype="float64" if self.variable_dtype == "float64" else "float32",
            initializer=keras.initializers.Constant(rho),
            trainable=False,
        )

    @property
    def rho(self) -> Tensor:
        """The radius: the variable to assign, or the value of the schedule at this iteration."""
        if self._rho is not None:
            return self._rho
        return self.current_rho()

    @rho.setter
    def rho(self, rho: float) -> Tensor:
        if self._rho is None:
            raise ValueError(
                f"rho follows a schedule here; build the {type(self).__name__} with a float to "
                f"assign it. Received: {checks.received(rho=rho)}"
            )
        self._rho.assign(checks.non_negative("rho", rho))

    def current_rho(self) -> Tensor:
        """The radius of this step: a scalar tensor of at least 0, in float32 at least."""
        rho = self.method.rho if self._rho is None else self._rho
        return rho_at(rho, getattr(self, "optimizer", None))
