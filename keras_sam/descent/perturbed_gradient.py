"""The descent of SAM."""

from keras_sam.descent.descent import Descent
from keras_sam.exports import part
from keras_sam.training.carriers import Climb, Context, Evaluation
from keras_sam.training.oracle import GradientOracle


@part
class PerturbedGradient(Descent):
    """The gradient at the perturbed weights, the perturbation taken as a constant.

    Reference:
        Foret et al., ICLR 2021, equation 3.

    Example:

    >>> method = keras_sam.methods.Method(descent=keras_sam.descent.PerturbedGradient())
    """

    # A subclass that reads the gradients of the first evaluation sets this to True again.
    keeps_clean = False

    def evaluation(self, oracle: GradientOracle, climb: Climb, context: Context) -> Evaluation:
        return climb.perturbed_last(oracle)
