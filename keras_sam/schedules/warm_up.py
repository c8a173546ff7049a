"""A schedule that rises, stays and falls, as LE-SAM's budget does."""

import math
from typing import Any

import keras
from keras import ops
from keras.optimizers.schedules import LearningRateSchedule

from keras_sam import checks
from keras_sam.tensors import Tensor

SHAPES = ("cosine", "linear")


@keras.saving.register_keras_serializable(package="keras_sam")
class WarmUpHoldDecay(LearningRateSchedule):
    """Rises in a straight line, stays, and falls along a cosine or a line.

    The first of the `warm_up` steps has the value `start` and the last one `peak`, with which
    `decay_start` begins; the last of the `total_steps` has `end`, and so have those beyond.

    Reference:
        Wang et al., Fix the Loss, Not the Radius, ICML 2026, as in the authors' code.

    Args:
        peak: Float of at least 0.
        total_steps: Positive integer.
        warm_up: Integer of at least 0, steps. Defaults to `0`.
        decay_start: Integer of at least 0, step from which it falls, the end of the warm-up at the
            earliest. Defaults to `None`, that end.
        start: Float of at least 0. Defaults to `0.0`.
        end: Float of at least 0. Defaults to `0.0`.
        shape: `"cosine"` or `"linear"`, of the fall. Defaults to `"cosine"`.
        every: Positive integer, updates of the optimizer that make a step: those of an epoch, for
            a schedule by epochs. Defaults to `1`.

    Raises:
        ValueError: If an argument is outside its range.

    Example:

    >>> sigma = keras_sam.schedules.WarmUpHoldDecay(0.35, 200, warm_up=10, decay_start=160)
    >>> method = keras_sam.methods.LESAM(sigma=sigma)
    """

    def __init__(
        self,
        peak: float,
        total_steps: int,
        warm_up: int = 0,
        decay_start: int | None = None,
        start: float = 0.0,
        end: float = 0.0,
        shape: str = "cosine",
        every: int = 1,
    ):
        self.peak = checks.non_negative("peak", peak)
        self.total_steps = checks.positive_integer("total_steps", total_steps)
        self.warm_up = checks.non_negative_integer("warm_up", warm_up)
        if decay_start is not None:
            checks.non_negative_integer("decay_start", decay_start)
        self.decay_start = decay_start
        self.start = checks.non_negative("start", start)
        self.end = checks.non_negative("end", end)
        self.shape = checks.one_of("shape", shape, SHAPES)
        self.every = checks.positive_integer("every", every)

    def __call__(self, step: Tensor) -> Tensor:
        """The value at an update of the optimizer, a scalar tensor in float32."""
        now = ops.floor(ops.cast(step, "float32") / self.every)
        share = now / (self.warm_up - 1) if self.warm_up > 1 else ops.ones_like(now)
        rising = self.start + (self.peak - self.start) * ops.minimum(share, 1.0)
        decay_start = max(self.decay_start or 0, self.warm_up)
        return ops.where(now < decay_start, rising, self._falling(now - decay_start, decay_start))

    def _falling(self, since: Tensor, decay_start: int) -> Tensor:
        length = self.total_steps - decay_start - 1
        done = ops.clip(since / length, 0.0, 1.0) if length > 0 else ops.ones_like(since)
        left = (1 + ops.cos(math.pi * done)) / 2 if self.shape == "cosine" else 1 - done
        return self.end + (self.peak - self.end) * left

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor."""
        names = ("peak", "total_steps", "warm_up", "decay_start", "start", "end", "shape", "every")
        return {name: getattr(self, name) for name in names}
