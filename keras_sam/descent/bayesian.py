"""The descent of bSAM."""

from typing import Any

from keras import ops

from keras_sam import checks, tensors
from keras_sam.descent.descent import Descent
from keras_sam.exports import part
from keras_sam.tensors import Tensor, Vector
from keras_sam.training.carriers import Climb, Context, Evaluation
from keras_sam.training.memory import Slot
from keras_sam.training.oracle import GradientOracle


@part
class BayesianGradient(Descent):
    """The momentum of the perturbed gradient, divided by the precision of the weights.

    With the noisy gradient g of `PrecisionAscent`, the perturbed one g', the precision s and
    `d = prior_precision / N`: `m = b1 m + (1 - b1)(g' + d w)`, the gradient handed on is `m / s`,
    then `s = b2 s + (1 - b2)(sqrt(s) |g| + damping + d)`. The update is the method's own, so the
    optimizer must be plain SGD, whose learning rate is the paper's alpha.

    Reference:
        Moellenhoff and Khan, SAM as an Optimal Relaxation of Bayes, ICLR 2023, algorithm 1.

    Args:
        data_size: Positive integer, number N of training examples. Defaults to `50_000`.
        prior_precision: Float of at least 0. Defaults to `40.0`.
        momentum: Float in [0, 1), b1. Defaults to `0.9`.
        precision_decay: Float in [0, 1), b2. Defaults to `0.999`.
        damping: Float of at least 0. Defaults to `0.1`.
        initial_precision: Positive float, s at first. Defaults to `1.0`.

    Raises:
        ValueError: If an argument is outside its range.

    Example:

    >>> descent = keras_sam.descent.BayesianGradient(data_size=50_000)
    """

    needs_plain_sgd = True

    def __init__(
        self,
        data_size: int = 50_000,
        prior_precision: float = 40.0,
        momentum: float = 0.9,
        precision_decay: float = 0.999,
        damping: float = 0.1,
        initial_precision: float = 1.0,
    ):
        self.data_size = checks.positive_integer("data_size", data_size)
        self.family = f"bsam of {self.data_size} examples"
        self.prior_precision = checks.non_negative("prior_precision", prior_precision)
        self.momentum = checks.share("momentum", momentum)
        self.precision_decay = checks.share("precision_decay", precision_decay)
        self.damping = checks.non_negative("damping", damping)
        self.initial_precision = checks.positive("initial_precision", initial_precision)

    def slots(self) -> dict[str, Slot]:
        return {"precision": Slot(initial=self.initial_precision), "momentum_mean": Slot()}

    def evaluation(self, oracle: GradientOracle, climb: Climb, context: Context) -> Evaluation:
        perturbed = climb.perturbed(oracle)
        decay = self.prior_precision / self.data_size
        gradients = [tensors.at_least_float32(gradient) for gradient in perturbed.gradients]
        pulled = tensors.add(gradients, oracle.weights, decay)
        return Evaluation(perturbed.loss, self._update(climb.first, pulled, context))

    def _update(self, first: Evaluation, gradients: Vector, context: Context) -> Vector:
        """The new momentum divided by the old precision; both are kept."""
        means, precisions = (context.state[name] for name in ("momentum_mean", "precision"))
        new_means = tensors.mix(gradients, tensors.values(means), self.momentum)
        directions = [m / s for m, s in zip(new_means, tensors.values(precisions), strict=True)]
        new_precisions = [
            self._new_precision(s, gradient)
            for s, gradient in zip(tensors.values(precisions), first.gradients, strict=True)
        ]
        tensors.assign([*means, *precisions], [*new_means, *new_precisions])
        return directions

    def _new_precision(self, precision: Tensor, gradient: Tensor) -> Tensor:
        size = ops.abs(tensors.at_least_float32(gradient))
        target = ops.sqrt(precision) * size + self.damping + self.prior_precision / self.data_size
        return self.precision_decay * precision + (1 - self.precision_decay) * target

    def get_config(self) -> dict[str, Any]:
        return {
            "data_size": self.data_size,
            "prior_precision": self.prior_precision,
            "momentum": self.momentum,
            "precision_decay": self.precision_decay,
            "damping": self.damping,
            "initial_precision": self.initial_precision,
        }
