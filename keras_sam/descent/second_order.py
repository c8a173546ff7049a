"""The exact gradient of the perturbed loss."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import keras

from keras_sam import backend, checks, tensors
from keras_sam.descent.descent import Descent
from keras_sam.exports import part
from keras_sam.tensors import Tensor, Vector
from keras_sam.training import true_gradient
from keras_sam.training.carriers import Climb, Context, Evaluation
from keras_sam.training.oracle import GradientOracle

# Where a step begins, `None` for the weights themselves, and the gradient there.
Place: TypeAlias = tuple[Vector | None, Vector]


@part
class SecondOrderGradient(Descent):
    """The gradient of `L(w + e(w))`, the perturbation differentiated as well.

    With the perturbed gradient g_s and the ascent `e = f(g, w)` it is `g_s + (df/dw)' g_s +
    H (df/dg)' g_s`: one Hessian-vector product at the clean weights. For SAM's unit gradient
    this is `g_s + rho / ||g|| H (g_s - (g_s' u) u)` with `u = g / ||g||`.

    With several steps, each of an m-th of the ascent at the point it has reached, the chain rule
    runs back over them: `v = v + H_i (df/dg_i)' v`, from `v = g_s` and the last step on; and
    the terms `(df/dw)' v` are added at its end.

    Reference:
        Foret et al., ICLR 2021, section 2 and appendix C.4; for several steps our algebra.

    Args:
        steps: Positive integer m, steps of the ascent: as many gradients and Hessian-vector
            products beside the first gradient. Defaults to `1`.

    Raises:
        ValueError: If `steps` is no positive integer.

    Example:

    >>> method = keras_sam.methods.Method(descent=keras_sam.descent.SecondOrderGradient(steps=2))
    """

    needs_closed_form_ascent = True
    needs_clean_gradient = True
    tells_perturbed = False

    def __init__(self, steps: int = 1):
        self.steps = checks.positive_integer("steps", steps)

    def evaluation(self, oracle: GradientOracle, climb: Climb, context: Context) -> Evaluation:
        visited, top = self._climbed(oracle, climb)
        perturbed = oracle.at(top)
        back, direct = perturbed.gradients, []
        for place, gradients in reversed(visited):
            to_gradients, to_weights = self._pulled(back, gradients, oracle, climb)
            back = tensors.add(back, oracle.hessian_vector_product(to_gradients, place))
            direct.append(to_weights)
        for term in direct:
            back = tensors.add(back, term)
        return Evaluation(perturbed.loss, back)

    def _climbed(self, oracle: GradientOracle, climb: Climb) -> tuple[list[Place], Vector | None]:
        """Each point where a step begins with the gradient there, and where the last one ends."""
        visited: list[Place] = [(None, climb.first.gradients)]
        top = [None if move is None else move / self.steps for move in climb.perturbation]
        for _ in range(self.steps - 1):
            with true_gradient.asked(True):
                gradients = oracle.at(top).gradients
            visited.append((top, gradients))
            move = self._step(_picked(gradients, climb), _picked(oracle.weights, climb), climb)
            top = list(top)
            for index, tensor in zip(climb.chosen, move, strict=True):
                top[index] = top[index] + tensor
        return visited, top

    def _step(self, gradients: Vector, weights: Vector, climb: Climb) -> Vector:
        assert climb.direction is not None, "The ascent is a closed form."
        return tensors.scale(climb.direction(gradients, weights), 1 / self.steps)

    def _pulled(
        self, vector: Vector, gradients: Vector, oracle: GradientOracle, climb: Climb
    ) -> tuple[Vector, Vector]:
        """What a step hands back of a vector: to its gradient, and to the weights directly."""
        cotangents = _picked(vector, climb)
        both = _picked(gradients, climb) + _picked(oracle.weights, climb)

        def overlap(gradients_and_weights: Vector) -> tuple[Tensor, tuple[()]]:
            gradients, weights = _halves(gradients_and_weights)
            return tensors.inner(self._step(gradients, weights, climb), cotangents), ()

        pulled = _halves(backend.value_and_gradient(overlap, both)[2])
        to_gradient, to_weights = (_spread(half, oracle, climb.chosen) for half in pulled)
        return to_gradient, to_weights

    def get_config(self) -> dict[str, Any]:
        return {"steps": self.steps}


def _picked(full: Vector, climb: Climb) -> Vector:
    return [full[index] for index in climb.chosen]


def _halves(items: Vector) -> tuple[Vector, Vector]:
    middle = len(items) // 2
    return items[:middle], items[middle:]


def _spread(vector: Vector, oracle: GradientOracle, chosen: Sequence[int]) -> Vector:
    """`vector` over the chosen weights, and zeros over the others."""
    full = [keras.ops.zeros_like(weight) for weight in oracle.weights]
    for index, tensor in zip(chosen, vector, strict=True):
        if tensor is not None:
            full[index] = keras.ops.cast(tensor, full[index].dtype)
    return full
