"""The descent of ESAM: only the examples that react count."""

from typing import Any

from keras import ops

from keras_sam import checks
from keras_sam.descent.descent import Descent
from keras_sam.exports import part
from keras_sam.training.batches import share_of
from keras_sam.training.carriers import Climb, Context, Evaluation
from keras_sam.training.oracle import GradientOracle


@part
class SelectedExamples(Descent):
    """The perturbed gradient of the examples whose loss rises most: the data's part of ESAM.

    One more forward pass finds them; the backward pass has them alone.

    Reference:
        Du et al., Efficient Sharpness-aware Minimization for Improved Training of Neural
        Networks, ICLR 2022, section 3.2.

    Args:
        gamma: Float in (0, 1], share of the batch. Defaults to `0.5`.

    Raises:
        ValueError: If `gamma` is outside its range.

    Example:

    >>> method = keras_sam.methods.Method(descent=keras_sam.descent.SelectedExamples(0.5))
    """

    needs_clean_gradient = True

    def __init__(self, gamma: float = 0.5):
        self.gamma = checks.fraction("gamma", gamma)
        self.needs_example_losses = self.gamma < 1

    def evaluation(self, oracle: GradientOracle, climb: Climb, context: Context) -> Evaluation:
        if self.gamma == 1:
            return climb.perturbed(oracle)
        rise = oracle.example_losses(climb.perturbation)
        rise = rise - oracle.losses_of(climb.first.predictions)
        most = ops.argsort(-rise)[: share_of(oracle.size, self.gamma)]
        selected = oracle.examples(most).at(climb.perturbation)
        return Evaluation(climb.first.loss + ops.mean(rise), selected.gradients)

    def get_config(self) -> dict[str, Any]:
        return {"gamma": self.gamma}
