"""The descent of Functional-SAM."""

from __future__ import annotations

import keras
from keras import ops

from keras_sam import backend, tensors
from keras_sam.descent.descent import Descent
from keras_sam.exports import part
from keras_sam.tensors import Nested, Tensor, Vector
from keras_sam.training.carriers import Climb, Context, Evaluation, Trained
from keras_sam.training.oracle import GradientOracle
from keras_sam.training.scope import Pass


@part
class FunctionalGradient(Descent):
    """The perturbed network's outputs pulled back by the clean outputs' slopes of the loss.

    With the outputs F(w) and the loss l(F) it is `J(w + e)' dl/dF(F(w))`, J the Jacobian of F: of
    the change that a perturbation makes to the gradient, that by the network's own curvature
    stays, and that by the loss's curvature in the outputs is left out. Regularisers, which are no
    function of the outputs, are differentiated at the perturbed weights.

    Reference:
        Singh et al., Avoiding Spurious Sharpness Minimization Broadens Applicability of SAM, ICML
        2025.

    Example:

    >>> method = keras_sam.methods.Method(descent=keras_sam.descent.FunctionalGradient())
    """

    needs_clean_gradient = True
    needs_outputs = True
    tells_perturbed = False

    def evaluation(self, oracle: GradientOracle, climb: Climb, context: Context) -> Evaluation:
        slopes = _slopes(oracle, climb.first.predictions)
        return oracle.asking(_Linearized(oracle.model, slopes)).at(climb.perturbation)


def _slopes(oracle: GradientOracle, predictions: Tensor) -> list[Tensor | None]:
    """Derivative of the loss by each output: a flat list; `None` where it has none."""
    x, y, sample_weight = oracle.batch
    leaves = keras.tree.flatten(predictions)
    places = [place for place, leaf in enumerate(leaves) if _is_float(leaf)]

    def loss(outputs: Vector) -> tuple[Tensor, tuple[()]]:
        at = dict(zip(places, outputs, strict=True))
        flat = [at.get(place, leaf) for place, leaf in enumerate(leaves)]
        y_pred = keras.tree.pack_sequence_as(predictions, flat)
        # A loss of several outputs counts each as a metric; regularisers read the weights.
        with Pass() as scope:
            scope.place([role.variable for role in oracle.roles], oracle.weights)
            return oracle.model.compute_loss(x, y, y_pred, sample_weight), ()

    # In float32, in which no slope of an output in half precision vanishes.
    outputs = [tensors.at_least_float32(leaves[place]) for place in places]
    found = backend.value_and_gradient(loss, outputs)[2]
    slopes = dict(zip(places, found, strict=True))
    return [slopes.get(place) for place in range(len(leaves))]


class _Linearized:
    """A model whose loss is linear in its outputs: of the true value, with these slopes."""

    def __init__(self, model: Trained, slopes: list[Tensor | None]):
        self.model = model
        self.slopes = [None if slope is None else ops.stop_gradient(slope) for slope in slopes]

    def __call__(self, x: Nested, training: bool) -> Tensor:
        return self.model(x, training=training)

    def compute_loss(
        self, x: Nested, y: Nested, y_pred: Tensor, sample_weight: Nested, training: bool = True
    ) -> Tensor:
        held = keras.tree.map_structure(_held, y_pred)
        loss = self.model.compute_loss(x, y, held, sample_weight, training=training)
        for output, slope in zip(keras.tree.flatten(y_pred), self.slopes, strict=True):
            if slope is not None:
                output = tensors.at_least_float32(output)
                change = output - ops.stop_gradient(output)
                loss = loss + ops.cast(ops.sum(slope * change), loss.dtype)
        return loss


def _is_float(leaf: Tensor | None) -> bool:
    return leaf is not None and keras.backend.is_float_dtype(
        keras.backend.standardize_dtype(leaf.dtype)
    )


def _held(leaf: Tensor | None) -> Tensor | None:
    return ops.stop_gradient(leaf) if _is_float(leaf) else leaf
