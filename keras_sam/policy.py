"""Policies: on which steps a method acts, decided from the gradient."""

from typing import Any, Self

import keras
from keras import ops

from keras_sam import checks, tensors
from keras_sam.tensors import Tensor, Vector
from keras_sam.training.carriers import Context
from keras_sam.training.memory import Slot


class Policy:
    """Says from the first gradient of a batch whether the method acts on it."""

    is_random = False

    def slots(self) -> dict[str, Slot]:
        """What is kept between steps: dict from a name to its `keras_sam.training.memory.Slot`."""
        return {}

    def acts(self, gradients: Vector, context: Context) -> Tensor:
        """Whether to act: a bool tensor.

        Args:
            gradients: List of tensors, the first gradient of the batch.
            context: `keras_sam.training.carriers.Context`.
        """
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The inverse of `get_config`."""
        return cls(**config)


@keras.saving.register_keras_serializable(package="keras_sam")
class GradientNormPolicy(Policy):
    """Acts where the gradient is long, compared with its recent lengths.

    Keeps the running mean m and variance v of `||g||^2` and acts where `||g||^2 >= m + c
    sqrt(v)`, with `c` going from `l2` to `l1` over the training.

    A single spike, of which m would be full for hundreds of steps and v for ever, does not enter
    them: a square norm above `1e3 (m + sqrt(v))`, or above what float32 holds. It enters where the
    one before was of its size, as after a change of scale. Where the first one of all was a spike,
    m and v start again with the second.

    Reference:
        Jiang et al., An Adaptive Policy to Employ Sharpness-Aware Minimization, ICLR 2023.

    Args:
        l1: Float, the threshold at the end, in standard deviations. Defaults to `-1.0`.
        l2: Float, the threshold at the start. Defaults to `1.0`.
        decay: Float in [0, 1), of the running mean and variance. Defaults to `0.9`.
        total_steps: Positive integer, updates of the whole training. Defaults to `None`: the
            threshold stays at the mean of `l1` and `l2`.

    Raises:
        ValueError: If an argument is outside its range.

    Example:

    >>> policy = keras_sam.policy.GradientNormPolicy(total_steps=10_000)
    """

    def __init__(
        self,
        l1: float = -1.0,
        l2: float = 1.0,
        decay: float = 0.9,
        total_steps: int | None = None,
    ):
        self.l1 = checks.number("l1", l1)
        self.l2 = checks.number("l2", l2)
        self.decay = checks.share("decay", decay)
        if total_steps is not None:
            checks.positive_integer("total_steps", total_steps)
        self.total_steps = total_steps

    def slots(self) -> dict[str, Slot]:
        return {
            "square_norm_mean": Slot(per_weight=False),
            "square_norm_variance": Slot(per_weight=False),
            "last_square_norm": Slot(per_weight=False, is_newer=True),
        }

    def acts(self, gradients: Vector, context: Context) -> Tensor:
        square = ops.cast(tensors.inner(gradients, gradients), "float32")
        variables = [context.state[name] for name in self.slots()]
        mean, variance, last = tensors.values(variables)
        mean, variance = self._learnt(square, mean, variance, last)
        tensors.assign(variables, [mean, variance, ops.where(ops.isfinite(square), square, last)])
        return square >= mean + self._threshold(context.iteration) * ops.sqrt(variance)

    def _learnt(
        self, square: Tensor, mean: Tensor, variance: Tensor, last: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The mean and the variance with this square norm; without it where it is a spike."""
        # All that is in the mean, but for rounding, is the one before: that one was the spike.
        share = (1 - self.decay) * last
        is_alone = ops.abs(mean - share) <= 0.01 * share
        starts_again = ops.logical_and(is_alone, tensors.OTHER_SCALE * square < last)
        old_mean, old_variance = (
            ops.where(starts_again, ops.zeros_like(old), old) for old in (mean, variance)
        )
        new_mean = self.decay * old_mean + (1 - self.decay) * square
        new_variance = self.decay * old_variance + (1 - self.decay) * ops.square(square - new_mean)
        is_of_scale = tensors.is_of_scale(square, ops.maximum(mean + ops.sqrt(variance), last))
        enters = ops.logical_and(is_of_scale, ops.isfinite(new_variance))
        return ops.where(enters, new_mean, mean), ops.where(enters, new_variance, variance)

    def _threshold(self, iteration: Tensor) -> Tensor | float:
        if self.total_steps is None:
            return (self.l1 + self.l2) / 2
        done = ops.cast(iteration, "float32") / self.total_steps
        return self.l2 + (self.l1 - self.l2) * ops.minimum(done, 1.0)

    def get_config(self) -> dict[str, Any]:
        return {
            "l1": self.l1,
            "l2": self.l2,
            "decay": self.decay,
            "total_steps": self.total_steps,
        }
