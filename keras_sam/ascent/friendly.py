"""The ascent of F-SAM: along what is special to the batch."""

from typing import Any

from keras import ops

from keras_sam import checks, tensors
from keras_sam.ascent.around import AscentAround
from keras_sam.ascent.ascent import Ascent
from keras_sam.exports import part
from keras_sam.tensors import Vector
from keras_sam.training.carriers import Context
from keras_sam.training.memory import Slot
from keras_sam.training.oracle import GradientOracle


@part
class FriendlyAscent(AscentAround):
    """Climbs along the batch's gradient less a running mean of the gradients.

    The direction is `g - sigma m`, with the mean m of the batches before, which is the first
    gradient itself at first. Then `m = decay m + (1 - decay) g`.

    Reference:
        Li et al., Friendly Sharpness-Aware Minimization, CVPR 2024, algorithm 1 as in the
        authors' code.

    Args:
        step: The closed-form `Ascent` to follow. Defaults to `DualNormAscent()`.
        sigma: Float, how much of the mean to take away. Defaults to `1.0`.
        decay: Float in [0, 1), of the running mean. Defaults to `0.9`.

    Raises:
        ValueError: If an argument is outside its range.

    Example:

    >>> ascent = keras_sam.ascent.FriendlyAscent(keras_sam.ascent.AdaptiveAscent(), decay=0.6)
    """

    def __init__(self, step: Ascent | None = None, sigma: float = 1.0, decay: float = 0.9):
        super().__init__(step)
        self.sigma = checks.number("sigma", sigma)
        self.decay = checks.share("decay", decay)

    def slots(self) -> dict[str, Slot]:
        return {"gradient_mean": Slot(), "gradients_seen": Slot(per_weight=False)}

    def perturbation(self, oracle: GradientOracle, gradients: Vector, context: Context) -> Vector:
        share = ops.where(context.state["gradients_seen"] > 0, self.sigma, 0.0)
        mean = tensors.values(context.state["gradient_mean"])
        gradients = [tensors.at_least_float32(gradient) for gradient in gradients]
        return self.along(tensors.add(gradients, mean, -share), oracle, context.rho)

    def learn(self, oracle: GradientOracle, gradients: Vector, context: Context) -> None:
        seen, mean = context.state["gradients_seen"], context.state["gradient_mean"]
        share = ops.where(seen > 0, 1 - self.decay, 1.0)
        old = tensors.values(mean)
        gradients = [tensors.at_least_float32(gradient) for gradient in gradients]
        # A sum of two shares would leave rounding, and rounding of equal gradients a direction.
        change = tensors.add(gradients, old, -1.0)
        tensors.assign(mean, tensors.add(old, change, share))
        seen.assign(ops.ones(()))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "sigma": self.sigma, "decay": self.decay}
