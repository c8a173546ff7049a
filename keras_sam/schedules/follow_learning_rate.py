"""A schedule of the radius that goes with the learning rate, as GSAM's does."""

from typing import Any, Self

import keras
from keras import ops

from keras_sam import checks
from keras_sam.tensors import Tensor


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
