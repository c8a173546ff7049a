"""The descent of CR-SAM."""

from typing import Any

from keras_sam import checks, tensors
from keras_sam.descent.descent import Descent
from keras_sam.exports import part
from keras_sam.training.carriers import Climb, Context, Evaluation
from keras_sam.training.oracle import GradientOracle


@part
class CurvatureGradient(Descent):
    """The perturbed gradient plus those of the finite differences along the ascent.

    With g+ and g- at both ends of the perturbation, `g+ + gamma (g+ + g- - 2 g) + beta (g+ -
    g-)`: the second difference stands for the curvature, the first for the slope.

    Reference:
        Wu et al., CR-SAM: Curvature Regularized Sharpness-Aware Minimization, AAAI 2024, as in
        the authors' code.

    Args:
        gamma: Float, weight of the second difference. Defaults to `0.1`.
        beta: Float, weight of the first difference. Defaults to `0.01`.

    Raises:
        ValueError: If an argument is no finite number.

    Example:

    >>> descent = keras_sam.descent.CurvatureGradient(gamma=0.1, beta=0.01)
    """

    needs_clean_gradient = True

    def __init__(self, gamma: float = 0.1, beta: float = 0.01):
        self.gamma = checks.number("gamma", gamma)
        self.beta = checks.number("beta", beta)

    def evaluation(self, oracle: GradientOracle, climb: Climb, context: Context) -> Evaluation:
        ahead = climb.perturbed(oracle)
        opposite = [None if part is None else -part for part in climb.perturbation]
        behind = oracle.at(opposite).gradients
        out = tensors.scale(ahead.gradients, 1 + self.gamma + self.beta)
        out = tensors.add(out, behind, self.gamma - self.beta)
        return Evaluation(ahead.loss, tensors.add(out, climb.first.gradients, -2 * self.gamma))

    def get_config(self) -> dict[str, Any]:
        return {"gamma": self.gamma, "beta": self.beta}
