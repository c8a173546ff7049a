"""An ascent that listens to some classes more than to others."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_sam import checks
from keras_sam.ascent.around import AscentAround
from keras_sam.ascent.ascent import Ascent
from keras_sam.exports import part
from keras_sam.tensors import Batch, Tensor, Vector
from keras_sam.training import batches
from keras_sam.training.carriers import Context
from keras_sam.training.oracle import GradientOracle


@part
class ClassWeightedAscent(AscentAround):
    """Climbs along the gradient of a loss in which each class has its weight.

    The first gradient of a batch is that of `sum_i c(y_i) l_i / B`; loss and metrics stay those of
    the plain mean.

    Reference:
        Li et al., Focal-SAM: Focal Sharpness-Aware Minimization for Long-Tailed Classification,
        ICML 2025; Zhou et al., ImbSAM, ICCV 2023.

    Args:
        step: The closed-form `Ascent` to follow. Defaults to `DualNormAscent()`.
        weights: Sequence of floats of at least 0, of class 0, 1 and so on; all further classes
            have the last one. Defaults to `(1.0,)`.

    Raises:
        ValueError: If an argument is outside its range; at the first step, if there is more than
            one weight and the targets are not labels of shape `(batch,)` or `(batch, 1)` nor
            shares of classes of shape `(batch, classes)`.

    Example:

    >>> ascent = keras_sam.ascent.ClassWeightedAscent(weights=[0.1, 0.1, 0.8])
    """

    starts_clean = False
    probes = 1

    def __init__(self, step: Ascent | None = None, weights: Sequence[float] = (1.0,)):
        super().__init__(step)
        self.weights = class_weights("weights", weights)

    def probe(self, oracle: GradientOracle, context: Context) -> list[Tensor]:
        return [weights_of(oracle.batch, self.weights)]

    def weigh(self, losses: Tensor, probes: list[Tensor]) -> Tensor:
        return ops.cast(probes[0], losses.dtype)

    def perturbation(self, oracle: GradientOracle, gradients: Vector, context: Context) -> Vector:
        return self.along(gradients, oracle, context.rho)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "weights": self.weights}


def class_weights(name: str, weights: Any) -> list[float]:
    """`weights` as a list of floats, if they are numbers of at least 0, one at least."""
    if not isinstance(weights, list | tuple) or not weights:
        checks.refuse(name, "a list of numbers of at least 0, such as [0.2, 0.8]", weights)
    return [checks.non_negative(f"{name}[{index}]", w) for index, w in enumerate(weights)]


def weights_of(batch: Batch, weights: Sequence[float]) -> Tensor:
    """The weight of each example of a batch by its class: shape `(batch,)`, float32.

    Args:
        batch: `(x, y, sample_weight)`.
        weights: Weights of the classes; all further ones have the last.
    """
    if len(weights) == 1:
        # PyTorch would wait for the number with which Keras fills.
        return weights[0] * ops.ones((batches.batch_size(batch[0]),), "float32")
    y = batch[1]
    if y is None or keras.tree.is_nested(y) or len(y.shape) > 2:
        shape = None if y is None or keras.tree.is_nested(y) else tuple(y.shape)
        raise ValueError(
            "Weights of classes need one target, labels of shape (batch,) or (batch, 1) or shares "
            "of classes of shape (batch, classes): give them to fit as y, or leave out the counts "
            f"or classes. Received: targets of the type {type(y).__name__}, shape {shape}"
        )
    if len(y.shape) == 2 and y.shape[1] != 1:
        classes = y.shape[1]
        row = [weights[min(index, len(weights) - 1)] for index in range(classes)]
        return ops.sum(ops.cast(y, "float32") * ops.convert_to_tensor(row, "float32"), axis=-1)
    labels = ops.minimum(ops.cast(ops.reshape(y, (-1,)), "int32"), len(weights) - 1)
    return ops.take(ops.convert_to_tensor(weights, "float32"), labels)
