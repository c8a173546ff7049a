"""The exact gradient of the perturbed loss."""

import keras

from keras_sam import backend, tensors
from keras_sam.descent.descent import Descent
from keras_sam.saving import part
from keras_sam.training.carriers import Climb, Context, Evaluation
from keras_sam.training.oracle import GradientOracle


@part
class SecondOrderGradient(Descent):
    """The gradient of `L(w + e(w))`, the perturbation differentiated as well.

    With the perturbed gradient g_s and the ascent `e = f(g, w)` it is `g_s + (df/dw)' g_s +
    H (df/dg)' g_s`: one Hessian-vector product at the clean weights. For SAM's unit gradient
    this is `g_s + rho / ||g|| H (g_s - (g_s' u) u)` with `u = g / ||g||`.

    Reference:
        Foret et al., ICLR 2021, section 2 and appendix C.4.

    Example:

    >>> method = keras_sam.methods.get("second_order", rho=0.1)
    """

    needs_closed_form_ascent = True
    needs_clean_gradient = True

    def evaluation(self, oracle: GradientOracle, climb: Climb, context: Context) -> Evaluation:
        direction = climb.direction
        assert direction is not None, "The ascent is a closed form."
        perturbed = climb.perturbed(oracle)
        clean = [climb.first.gradients[index] for index in climb.chosen]
        weights = [oracle.weights[index] for index in climb.chosen]
        cotangents = [perturbed.gradients[index] for index in climb.chosen]

        def overlap(gradients_and_weights):
            gradients, weights = _halves(gradients_and_weights)
            return tensors.inner(direction(gradients, weights), cotangents), ()

        pulled = backend.value_and_gradient(overlap, clean + weights)[2]
        to_gradients, to_weights = _halves(pulled)
        product = oracle.hessian_vector_product(_spread(to_gradients, oracle, climb.chosen))
        gradients = tensors.add(perturbed.gradients, product)
        return Evaluation(
            perturbed.loss, tensors.add(gradients, _spread(to_weights, oracle, climb.chosen))
        )


def _halves(items):
    middle = len(items) // 2
    return items[:middle], items[middle:]


def _spread(vector, oracle, chosen):
    """`vector` over the chosen weights, and zeros over the others."""
    full = [keras.ops.zeros_like(weight) for weight in oracle.weights]
    for index, tensor in zip(chosen, vector, strict=True):
        if tensor is not None:
            full[index] = keras.ops.cast(tensor, full[index].dtype)
    return full
