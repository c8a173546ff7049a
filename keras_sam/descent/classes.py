"""The descent of Focal-SAM and ImbSAM."""

from collections.abc import Sequence
from typing import Any

from keras_sam import tensors
from keras_sam.ascent.classes import class_weights, weights_of
from keras_sam.descent.descent import Descent
from keras_sam.exports import part
from keras_sam.training.carriers import Climb, Context, Evaluation
from keras_sam.training.oracle import GradientOracle


@part
class ClassWeightedGradient(Descent):
    """The clean gradient of some classes and the perturbed one of others, added.

    With weights a and b of the classes, the gradient of `sum_i a(y_i) l_i / B` at the weights and
    that of `sum_i b(y_i) l_i / B` at the perturbed ones. Each is an evaluation of the batch.

    Reference:
        Li et al., Focal-SAM: Focal Sharpness-Aware Minimization for Long-Tailed Classification,
        ICML 2025; Zhou et al., ImbSAM, ICCV 2023.

    Args:
        clean: Sequence of floats of at least 0, of class 0, 1 and so on, at the weights; all
            further classes have the last one. Defaults to `(0.0,)`.
        perturbed: The same, at the perturbed weights. Defaults to `(1.0,)`.

    Raises:
        ValueError: As `keras_sam.ascent.ClassWeightedAscent`.

    Example:

    >>> descent = keras_sam.descent.ClassWeightedGradient([1.0, 0.0], [0.0, 1.0])
    """

    needs_example_losses = True
    tells_perturbed = False

    def __init__(self, clean: Sequence[float] = (0.0,), perturbed: Sequence[float] = (1.0,)):
        self.clean = class_weights("clean", clean)
        self.perturbed = class_weights("perturbed", perturbed)

    def evaluation(self, oracle: GradientOracle, climb: Climb, context: Context) -> Evaluation:
        clean = oracle.at(None, weights_of(oracle.batch, self.clean))
        perturbed = oracle.at(climb.perturbation, weights_of(oracle.batch, self.perturbed))
        return Evaluation(perturbed.loss, tensors.add(clean.gradients, perturbed.gradients))

    def get_config(self) -> dict[str, Any]:
        return {"clean": self.clean, "perturbed": self.perturbed}
