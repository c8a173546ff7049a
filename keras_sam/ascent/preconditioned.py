"""An ascent along the gradient as Adam scales it."""

from typing import Any

from keras import ops

from keras_sam import checks, tensors
from keras_sam.ascent.around import AscentAround
from keras_sam.ascent.ascent import Ascent
from keras_sam.exports import part
from keras_sam.tensors import Tensor, Vector
from keras_sam.training.carriers import Context, State
from keras_sam.training.memory import Slot
from keras_sam.training.oracle import GradientOracle


@part
class PreconditionedAscent(AscentAround):
    """Climbs along the gradient divided by the root of its running mean square.

    With `v = decay v + (1 - decay) g^2`, this batch's gradient in it, the direction is
    `g / (sqrt(v / (1 - decay^t)) + epsilon)`: at first the gradient's signs. The mean is the
    ascent's own, of clean gradients; the optimizer's has those that are descended.

    Reference:
        Singh et al., Avoiding Spurious Sharpness Minimization Broadens Applicability of SAM, ICML
        2025; which moment they take is not confirmed.

    Args:
        step: The closed-form `Ascent` to follow. Defaults to `DualNormAscent()`.
        decay: Float in [0, 1), Adam's `beta_2`. Defaults to `0.999`.
        epsilon: Positive float. Defaults to `1e-8`.

    Raises:
        ValueError: If an argument is outside its range.

    Example:

    >>> method = keras_sam.methods.Method(keras_sam.ascent.PreconditionedAscent(decay=0.95))
    """

    def __init__(self, step: Ascent | None = None, decay: float = 0.999, epsilon: float = 1e-8):
        super().__init__(step)
        self.decay = checks.share("decay", decay)
        self.epsilon = checks.positive("epsilon", epsilon)

    def slots(self) -> dict[str, Slot]:
        return {"square_mean": Slot(), "squares_seen": Slot(per_weight=False)}

    def perturbation(self, oracle: GradientOracle, gradients: Vector, context: Context) -> Vector:
        seen = tensors.values([context.state["squares_seen"]])[0] + 1
        share = 1 - ops.power(self.decay, seen)
        direction = [
            gradient / (ops.sqrt(square / ops.cast(share, square.dtype)) + self.epsilon)
            for gradient, square in zip(gradients, self._squares(gradients, context.state))
        ]
        return self.along(direction, oracle, context.rho)

    def learn(self, oracle: GradientOracle, gradients: Vector, context: Context) -> None:
        means, seen = context.state["square_mean"], context.state["squares_seen"]
        # The square of a spike may be no number.
        tensors.assign_finite(means, self._squares(gradients, context.state))
        seen.assign(seen + 1)

    def _squares(self, gradients: Vector, state: State) -> list[Tensor]:
        old = tensors.values(state["square_mean"])
        squares = [ops.square(ops.cast(g, o.dtype)) for g, o in zip(gradients, old, strict=True)]
        return tensors.mix(squares, old, self.decay)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "decay": self.decay, "epsilon": self.epsilon}
