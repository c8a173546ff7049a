"""The radius rho: its schedules, and the variable of a model that holds it."""

from keras_sam.schedules.follow_learning_rate import FollowLearningRate
from keras_sam.schedules.radius import (  # noqa: F401  (To be had here.)
    Radius,
    Rho,
    check_rho,
    deserialize_rho,
    is_constant,
    rho_at,
    serialize_rho,
)
from keras_sam.schedules.warm_up import WarmUpHoldDecay

__all__ = ["FollowLearningRate", "WarmUpHoldDecay"]
