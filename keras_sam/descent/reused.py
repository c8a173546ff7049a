"""The descent of LookSAM."""

from typing import Any

from keras import ops

from keras_sam import checks, tensors
from keras_sam.descent.descent import Descent
from keras_sam.exports import part
from keras_sam.tensors import Vector
from keras_sam.training.carriers import Climb, Context, Evaluation, FirstEvaluation
from keras_sam.training.memory import Slot
from keras_sam.training.oracle import GradientOracle

ROUNDING = 1e-6  # A part that is shorter, relative to the gradient, has no direction of its own.


@part
class ReusedGradient(Descent):
    """The perturbed gradient; where the method rests, the clean one bent towards the last.

    Keeps the part v of the perturbed gradient that is orthogonal to the clean one, and hands on
    `g + alpha ||g|| / ||v|| v` on the steps on which the method rests; g itself where there is
    no such part, but for rounding.

    Reference:
        Liu et al., Towards Efficient and Scalable Sharpness-Aware Minimization, CVPR 2022,
        algorithm 1.

    Args:
        alpha: Float of at least 0. Defaults to `0.7`.

    Raises:
        ValueError: If `alpha` is negative.

    Example:

    >>> method = keras_sam.methods.Method(descent=keras_sam.descent.ReusedGradient(), every=5)
    """

    needs_clean_gradient = True

    def __init__(self, alpha: float = 0.7):
        self.alpha = checks.non_negative("alpha", alpha)

    def slots(self) -> dict[str, Slot]:
        return {"sharp_part": Slot()}

    def evaluation(self, oracle: GradientOracle, climb: Climb, context: Context) -> Evaluation:
        perturbed = climb.perturbed(oracle)
        part = _across(perturbed.gradients, climb.first.gradients)
        tensors.assign(context.state["sharp_part"], part)
        return Evaluation(perturbed.loss, perturbed.gradients)

    def rest(self, first: FirstEvaluation, context: Context) -> Vector:
        part = tensors.values(context.state["sharp_part"])
        ratio = tensors.guarded_ratio(tensors.norm(first.gradients), tensors.norm(part))
        return tensors.add(first.gradients, part, self.alpha * ratio)

    def get_config(self) -> dict[str, Any]:
        return {"alpha": self.alpha}


def _across(perturbed: Vector, clean: Vector) -> Vector:
    part = tensors.rejection(perturbed, clean)
    is_there = tensors.norm(part) > ROUNDING * tensors.norm(perturbed)
    return tensors.scale(part, ops.cast(is_there, "float32"))
