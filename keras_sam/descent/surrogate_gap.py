"""The descent of GSAM."""

from typing import Any

from keras_sam import checks, tensors
from keras_sam.descent.descent import Descent
from keras_sam.exports import part
from keras_sam.training.carriers import Climb, Context, Evaluation
from keras_sam.training.oracle import GradientOracle


@part
class SurrogateGapGradient(Descent):
    """The perturbed gradient, less a share of the clean one's part across it.

    With the part of the clean gradient g that is orthogonal to the perturbed one g_p,
    `g_p - alpha (g - <g, g_p> / ||g_p||^2 g_p)`: the perturbed loss falls as in SAM, and so does
    its gap to the clean one.

    Reference:
        Zhuang et al., Surrogate Gap Minimization Improves Sharpness-Aware Training, ICLR 2022,
        algorithm 1.

    Args:
        alpha: Float of at least 0. Defaults to `0.4`.

    Raises:
        ValueError: If `alpha` is negative.

    Example:

    >>> method = keras_sam.methods.Method(
    ...     keras_sam.ascent.AdaptiveAscent(), keras_sam.descent.SurrogateGapGradient(), rho=0.5
    ... )
    """

    needs_clean_gradient = True

    def __init__(self, alpha: float = 0.4):
        self.alpha = checks.non_negative("alpha", alpha)

    def evaluation(self, oracle: GradientOracle, climb: Climb, context: Context) -> Evaluation:
        perturbed = climb.perturbed(oracle)
        across = tensors.rejection(climb.first.gradients, perturbed.gradients)
        return Evaluation(perturbed.loss, tensors.add(perturbed.gradients, across, -self.alpha))

    def get_config(self) -> dict[str, Any]:
        return {"alpha": self.alpha}
