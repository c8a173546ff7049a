"""The descent of SAM."""

import keras

from keras_sam.descent.descent import Descent


@keras.saving.register_keras_serializable(package="keras_sam")
class PerturbedGradient(Descent):
    """The gradient at the perturbed weights, the perturbation taken as a constant.

    Reference:
        Foret et al., ICLR 2021, equation 3.

    Example:

    >>> method = keras_sam.methods.Method(descent=keras_sam.descent.PerturbedGradient())
    """

    def evaluation(self, oracle, climb, context):
        return climb.perturbed(oracle)
