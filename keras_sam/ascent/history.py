"""The ascent of ARWP and m-ARWP: noise that is smaller where gradients have been long."""

from typing import Any

from keras import ops

from keras_sam import checks, tensors
from keras_sam.ascent.filters import filter_noise, filter_sums
from keras_sam.ascent.random import DrawnAscent
from keras_sam.exports import part
from keras_sam.tensors import Vector
from keras_sam.training.carriers import Context
from keras_sam.training.memory import Slot
from keras_sam.training.oracle import GradientOracle


@part
class HistoryNoiseAscent(DrawnAscent):
    """Random weights around, nearer where earlier gradients were long.

    The noise of `RandomAscent("filter")`, divided by `sqrt(1 + eta F)`: F is the sum over the
    entry's filter of `S = decay S + g^2`, S itself for a tensor of one axis, with the gradients g
    at the noisy weights of the batches before, and no others. S is a decayed sum and no mean: it
    settles at `1 / (1 - decay)` times the mean square.

    Reference:
        Li et al., Revisiting Random Weight Perturbation for Efficiently Improving
        Generalization, TMLR 2024, section 4.2 as in the authors' code.

    Args:
        eta: Float of at least 0; 0 is RWP. Defaults to `0.1`.
        decay: Float in [0, 1), of the sum. Defaults to `0.99`.
        is_one_pass: Whether the only evaluation of a batch is at the perturbed weights, as in
            ARWP. Defaults to `True`.

    Raises:
        ValueError: If an argument is outside its range.

    Example:

    >>> method = keras_sam.methods.Method(keras_sam.ascent.HistoryNoiseAscent(eta=1.0), rho=0.01)
    """

    learns_perturbed = True

    def __init__(self, eta: float = 0.1, decay: float = 0.99, is_one_pass: bool = True):
        super().__init__(is_one_pass)
        self.eta = checks.non_negative("eta", eta)
        self.decay = checks.share("decay", decay)

    def slots(self) -> dict[str, Slot]:
        return {"square_sum": Slot()}

    def drawn(self, oracle: GradientOracle, context: Context) -> Vector:
        noise = tensors.scale(filter_noise(oracle.weights, oracle.roles, context.seed), context.rho)
        sums = tensors.values(context.state["square_sum"])
        return [
            draw / ops.sqrt(1 + self.eta * (filter_sums(s, role) if role.filter_axes else s))
            for draw, s, role in zip(noise, sums, oracle.roles, strict=True)
        ]

    def learn_perturbed(self, oracle: GradientOracle, gradients: Vector, context: Context) -> None:
        sums = context.state["square_sum"]
        new = [
            self.decay * old + ops.square(ops.cast(gradient, old.dtype))
            for old, gradient in zip(tensors.values(sums), gradients, strict=True)
        ]
        tensors.assign_finite(sums, new)  # The square of a spike may be no number.

    def get_config(self) -> dict[str, Any]:
        return {"eta": self.eta, "decay": self.decay, "is_one_pass": self.is_one_pass}
