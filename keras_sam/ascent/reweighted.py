"""The ascent of delta-SAM: examples that react to perturbations count more."""

from typing import Any

from keras import ops

from keras_sam import checks, tensors
from keras_sam.ascent.around import AscentAround
from keras_sam.ascent.ascent import Ascent
from keras_sam.exports import part
from keras_sam.tensors import Tensor, Vector
from keras_sam.training.carriers import Context
from keras_sam.training.oracle import GradientOracle

WEIGHTS = ("curvature", "slope")


@part
class ReweightedAscent(AscentAround):
    """Climbs along the gradient of a loss in which sensitive examples weigh more.

    With standard normal z and `c = noise`, an example weighs `|l(w + c z) + l(w - c z) - 2 l(w)|`
    (curvature) or `|l(w + c z) - l(w)|` (slope), divided by the sum over the batch. A
    reconstruction: the formula of the paper is not confirmed.

    Reference:
        Zhou et al., Sharpness-Aware Minimization with Dynamic Reweighting, Findings of EMNLP
        2022.

    Args:
        step: The closed-form `Ascent` to follow. Defaults to `DualNormAscent()`.
        weights: `"curvature"` or `"slope"`. Defaults to `"curvature"`.
        noise: Positive float, size of the random perturbation. Defaults to `0.01`.

    Raises:
        ValueError: If an argument is outside its range.

    Example:

    >>> ascent = keras_sam.ascent.ReweightedAscent(weights="slope")
    """

    is_random = True
    starts_clean = False

    def __init__(self, step: Ascent | None = None, weights: str = "curvature", noise: float = 0.01):
        super().__init__(step)
        self.weights = checks.one_of("weights", weights, WEIGHTS)
        self.noise = checks.positive("noise", noise)
        self.probes = 2 if self.weights == "curvature" else 1

    def probe(self, oracle: GradientOracle, context: Context) -> list[Tensor]:
        noise = tensors.scale(tensors.normal_like(oracle.weights, context.seed), self.noise)
        signs = (1.0, -1.0)[: self.probes]
        return [oracle.example_losses(tensors.scale(noise, sign)) for sign in signs]

    def weigh(self, losses: Tensor, probes: list[Tensor]) -> Tensor:
        change = sum(probes) - self.probes * losses
        size = ops.cast(ops.shape(losses)[0], losses.dtype)
        total = ops.sum(ops.abs(change))
        weights = size * tensors.guarded_ratio(ops.abs(change), total)
        return ops.where(total > 0, weights, ops.ones_like(losses))

    def perturbation(self, oracle: GradientOracle, gradients: Vector, context: Context) -> Vector:
        return self.along(gradients, oracle, context.rho)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "weights": self.weights, "noise": self.noise}
