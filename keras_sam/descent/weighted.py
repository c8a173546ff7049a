"""The descent of WSAM."""

from typing import Any

from keras_sam import checks, tensors
from keras_sam.descent.descent import Descent
from keras_sam.exports import part
from keras_sam.training.carriers import Climb, Context, Evaluation
from keras_sam.training.oracle import GradientOracle


@part
class WeightedGradient(Descent):
    """The clean gradient plus the sharpness's, with a weight of its own.

    With `a = gamma / (1 - gamma)`, the gradient of `L + a (L_SAM - L)`: `(1 - a) g + a g_s`.
    Decoupled, the optimizer gets g, and `lr a (g_s - g)` is taken from the weights after its
    update, past its momentum and scaling.

    Reference:
        Yue et al., Sharpness-Aware Minimization Revisited: Weighted Sharpness as a
        Regularization Term, KDD 2023, algorithms 1 and 2.

    Args:
        gamma: Float in [0, 1): 0 is the optimizer alone, 1/2 coupled is SAM. Defaults to `0.9`.
        decoupled: Whether the sharpness goes past the optimizer. Defaults to `True`.

    Raises:
        ValueError: If `gamma` is outside its range.

    Example:

    >>> descent = keras_sam.descent.WeightedGradient(gamma=0.8, decoupled=False)
    """

    needs_clean_gradient = True

    def __init__(self, gamma: float = 0.9, decoupled: bool = True):
        self.gamma = checks.share("gamma", gamma)
        self.decoupled = checks.boolean("decoupled", decoupled)
        self.displaces = self.decoupled

    def evaluation(self, oracle: GradientOracle, climb: Climb, context: Context) -> Evaluation:
        perturbed = climb.perturbed(oracle)
        clean = climb.first.gradients
        weight = self.gamma / (1 - self.gamma)
        if not self.decoupled:
            mixed = tensors.mix(clean, perturbed.gradients, weight)
            return Evaluation(perturbed.loss, mixed)
        change = tensors.add(perturbed.gradients, clean, -1.0)
        displacement = tensors.scale(change, weight * context.learning_rate)
        return Evaluation(perturbed.loss, clean, displacement)

    def get_config(self) -> dict[str, Any]:
        return {"gamma": self.gamma, "decoupled": self.decoupled}
