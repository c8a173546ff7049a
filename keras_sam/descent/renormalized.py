"""The descent of StableSAM."""

from keras_sam import tensors
from keras_sam.descent.descent import Descent
from keras_sam.exports import part
from keras_sam.training.carriers import Climb, Context, Evaluation
from keras_sam.training.oracle import GradientOracle


@part
class RenormalizedGradient(Descent):
    """The perturbed gradient, as long as the clean one: `||g|| / ||g_s|| g_s`.

    Reference:
        Tan et al., Stabilizing Sharpness-Aware Minimization Through A Simple Renormalization
        Strategy, JMLR 26, 2025, algorithm 1.

    Example:

    >>> method = keras_sam.methods.Method(descent=keras_sam.descent.RenormalizedGradient())
    """

    needs_clean_gradient = True

    def evaluation(self, oracle: GradientOracle, climb: Climb, context: Context) -> Evaluation:
        perturbed = climb.perturbed(oracle)
        length = tensors.norm(climb.first.gradients)
        ratio = tensors.guarded_ratio(length, tensors.norm(perturbed.gradients))
        gradients = [tensors.at_least_float32(gradient) for gradient in perturbed.gradients]
        return Evaluation(perturbed.loss, tensors.scale(gradients, ratio))
