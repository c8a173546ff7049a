"""The radius rho: its schedules, and the variable of a model that holds it."""

from typing import Any, Self, TypeAlias

import keras
from keras import ops
from keras.optimizers.schedules import LearningRateSchedule

from keras_sam import checks, tensors
from keras_sam.backend.types import ModelMixin
from keras_sam.tensors import Tensor
from keras_sam.warm_up import WarmUpHoldDecay  # noqa: F401  (To be had here.)


@keras.saving.register_keras_serializable(package="keras_sam")
class FollowLearningRate:
    """A radius that rises and falls with the optimizer's learning rate.

    `rho_min + (rho_max - rho_min) (lr - lr_min) / (lr_max - lr_min)`, kept within `rho_min` and
    `rho_max`, so that neither a warm-up below `lr_min` nor a rate above `lr_max` leaves them.

    Reference:
        Zhuang et al., Surrogate Gap Minimization Improves Sharpness-Aware Training, ICLR 2022,
        section 4.

    Args:
        rho_max: Float of at least 0, the radius at `lr_max`.
        lr_max: Positive float, the highest learning rate of the training.
        rho_min: Float of at least 0, the radius at `lr_min`. Defaults to `0.0`.
        lr_min: Float of at least 0, the learning rate at the end. Defaults to `0.0`.

    Raises:
        ValueError: If an argument is outside its range, or a least value above its largest.

    Example:

    >>> rho = keras_sam.schedules.FollowLearningRate(0.6, lr_max=0.003, rho_min=0.1)
    >>> method = keras_sam.methods.SAM(rho)
    """

    def __init__(self, rho_max: float, lr_max: float, rho_min: float = 0.0, lr_min: float = 0.0):
        self.rho_max = checks.non_negative("rho_max", rho_max)
        self.lr_max = checks.positive("lr_max", lr_max)
        self.rho_min = checks.non_negative("rho_min", rho_min)
        self.lr_min = checks.non_negative("lr_min", lr_min)
        if rho_min > rho_max or lr_min > lr_max:
            raise ValueError(
                "rho_min must be at most rho_max, and lr_min at most lr_max. "
                f"Received: {self.get_config()}"
            )

    def at(self, learning_rate: Tensor) -> Tensor:
        """The radius at a learning rate, a scalar tensor."""
        if self.lr_max == self.lr_min:
            return ops.convert_to_tensor(self.rho_max)
        share = (learning_rate - self.lr_min) / (self.lr_max - self.lr_min)
        return self.rho_min + (self.rho_max - self.rho_min) * ops.clip(share, 0.0, 1.0)

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor."""
        return {
            "rho_max": self.rho_max,
            "lr_max": self.lr_max,
            "rho_min": self.rho_min,
            "lr_min": self.lr_min,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The inverse of `get_config`."""
        return cls(**config)


Rho: TypeAlias = float | LearningRateSchedule | FollowLearningRate


def check_rho(rho: Any, name: str = "rho") -> Rho:
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


def is_constant(rho: Any) -> bool:
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


def deserialize_rho(config: Any) -> Rho:
    """The inverse of `serialize_rho`."""
    return keras.saving.deserialize_keras_object(config) if isinstance(config, dict) else config


class Radius(ModelMixin):
    """Holds the radius as a variable, or follows its schedule."""

    _rho = None

    def _add_rho(self, rho):
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
