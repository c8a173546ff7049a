"""The descent of Lookbehind-SAM."""

from collections.abc import Sequence
from typing import Any, TypeAlias

from keras import ops

from keras_sam import backend, checks, tensors
from keras_sam.descent.descent import Descent
from keras_sam.exports import part
from keras_sam.tensors import Tensor, Vector
from keras_sam.training.carriers import Climb, Context, Evaluation, FirstEvaluation
from keras_sam.training.memory import Slot
from keras_sam.training.oracle import GradientOracle

# The gradients, the perturbation, the velocity and the way so far.
Place: TypeAlias = tuple[Vector, Vector, Vector, Vector]


@part
class LookbehindGradient(Descent):
    """Climbs in k steps, descends with the gradient of each, and goes a part of the way.

    The ascent goes on from where it was, each time by rho; fast weights take a step down with
    each of its gradients; the weights go the share `alpha` of the way to the fast ones. Handed
    to the optimizer is that way divided by the learning rate. A gradient serves the descent of
    one step and the ascent of the next, so k steps cost k + 1 evaluations.

    Reference:
        Mordido et al., Lookbehind-SAM: k steps back, 1 step forward, ICML 2024, algorithm 1.

    Args:
        k: Positive integer, ascent steps. Defaults to `2`.
        alpha: Float in (0, 1], or `"adaptive"`: for each tensor `(cos + 1) / 2` of the angle
            between the first fast step and all of them. Defaults to `0.5`.
        momentum: Float in [0, 1), through all inner steps, in place of the optimizer's.
            Defaults to `0.0`.

    Raises:
        ValueError: If an argument is outside its range.

    Example:

    >>> descent = keras_sam.descent.LookbehindGradient(k=3, alpha="adaptive")
    """

    needs_closed_form_ascent = True
    needs_clean_gradient = True

    def __init__(self, k: int = 2, alpha: float | str = 0.5, momentum: float = 0.0):
        self.k = checks.positive_integer("k", k)
        is_word = isinstance(alpha, str)
        self.alpha = (
            checks.one_of("alpha", alpha, ["adaptive"])
            if is_word
            else checks.fraction("alpha", alpha)
        )
        self.momentum = checks.share("momentum", momentum)
        self.needs_plain_sgd = self.momentum > 0

    def slots(self) -> dict[str, Slot]:
        return {"velocity": Slot()} if self.momentum else {}

    def evaluation(self, oracle: GradientOracle, climb: Climb, context: Context) -> Evaluation:
        direction = climb.direction
        assert direction is not None, "The ascent is a closed form."
        perturbed = climb.perturbed(oracle)
        first = self._pushed(self._velocity(context), perturbed.gradients)
        weights = [oracle.weights[index] for index in climb.chosen]

        def further(place: Place) -> Place:
            gradients, perturbation, velocity, way = place
            move = direction([gradients[index] for index in climb.chosen], weights)
            perturbation = _moved(perturbation, move, climb.chosen)
            gradients = oracle.at(perturbation).gradients
            velocity = self._pushed(velocity, gradients)
            return gradients, perturbation, velocity, tensors.add(way, velocity)

        start = (perturbed.gradients, climb.perturbation, first, first)
        _, _, velocity, way = backend.repeated(further, start, self.k - 1)
        if self.momentum:
            tensors.assign(context.state["velocity"], velocity)
        return Evaluation(perturbed.loss, self._share_of(way, first))

    def rest(self, first: FirstEvaluation, context: Context) -> Vector:
        if not self.momentum:
            return first.gradients
        velocity = self._pushed(self._velocity(context), first.gradients)
        tensors.assign(context.state["velocity"], velocity)
        return velocity

    def _velocity(self, context: Context) -> Vector:
        return tensors.values(context.state["velocity"]) if self.momentum else []

    def _pushed(self, velocity: Vector, gradients: Vector) -> Vector:
        if not self.momentum:
            return gradients
        return tensors.add(tensors.scale(velocity, self.momentum), gradients)

    def _share_of(self, way: Vector, first: Vector) -> Vector:
        if self.alpha != "adaptive":
            return tensors.scale(way, self.alpha)
        return [
            step * ops.cast((_cosine(step, start) + 1) / 2, step.dtype)
            for step, start in zip(way, first, strict=True)
        ]

    def get_config(self) -> dict[str, Any]:
        return {"k": self.k, "alpha": self.alpha, "momentum": self.momentum}


def _moved(perturbation: Vector, move: Vector, chosen: Sequence[int]) -> Vector:
    moved = list(perturbation)
    for index, step in zip(chosen, move, strict=True):
        moved[index] = moved[index] + step
    return moved


def _cosine(left: Tensor, right: Tensor) -> Tensor:
    lengths = tensors.norm([left]) * tensors.norm([right])
    return tensors.guarded_ratio(tensors.inner([left], [right]), lengths)
