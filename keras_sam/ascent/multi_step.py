"""Several ascent steps on the same batch."""

from typing import Any, TypeAlias

from keras import ops

from keras_sam import backend, checks, tensors
from keras_sam.ascent.around import AscentAround
from keras_sam.ascent.ascent import Ascent
from keras_sam.exports import part
from keras_sam.tensors import Tensor, Vector
from keras_sam.training.carriers import Context
from keras_sam.training.oracle import GradientOracle

# A perturbation, and the gradients that momentum has added up on the way to it.
Place: TypeAlias = tuple[Vector, Vector | None]


@part
class MultiStepAscent(AscentAround):
    """Climbs in `steps` steps of another ascent, each from where the last one ended.

    Without projection each step has length rho / steps, so their sum stays within the ball by
    the triangle inequality. With projection each has length `step_size` and the sum is pulled
    back to the ball: clipped for `p=inf`, shortened otherwise. `momentum` adds up the
    gradients, each divided by its 1-norm, as MI-FGSM does.

    Reference:
        Foret et al., ICLR 2021, appendix C.6; Dong et al., Boosting Adversarial Attacks with
        Momentum, CVPR 2018, algorithm 1.

    Args:
        step: The closed-form `Ascent` to repeat. Defaults to `DualNormAscent()`.
        steps: Positive integer, gradient evaluations of the ascent. Defaults to `2`.
        projection: Whether to take steps of `step_size` and project. Defaults to `False`.
        step_size: Positive float in the units of rho, for `projection=True` only. Defaults to
            `None`, which is rho itself.
        momentum: Float of at least 0. Defaults to `0.0`.

    Raises:
        ValueError: If an argument is outside its range, `step` is not a closed form, or
            `step_size` comes without projection.

    Example:

    >>> ascent = keras_sam.ascent.MultiStepAscent(steps=3, projection=True, step_size=0.02)
    """

    climbs_in_steps = True

    def __init__(
        self,
        step: Ascent | None = None,
        steps: int = 2,
        projection: bool = False,
        step_size: float | None = None,
        momentum: float = 0.0,
    ):
        super().__init__(step)
        self.steps = checks.positive_integer("steps", steps)
        self.projection = checks.boolean("projection", projection)
        if self.projection and type(self.step).project is Ascent.project:
            raise ValueError(
                f"projection needs a step that can project onto its ball, and "
                f"{type(self.step).__name__} cannot; use projection=False. "
                f"Received: projection={projection!r}"
            )
        self.momentum = checks.non_negative("momentum", momentum)
        if step_size is not None:
            checks.positive("step_size", step_size)
            if not self.projection:
                raise ValueError(
                    "step_size needs projection=True; without it each step is rho / steps long. "
                    f"Received: step_size={step_size!r}, projection={projection!r}"
                )
        self.step_size = step_size

    def perturbation(self, oracle: GradientOracle, gradients: Vector, context: Context) -> Vector:
        rho = context.rho
        length = self._length(rho)
        direction, velocity = self._accumulate(gradients, None)
        perturbation = self._move(None, direction, oracle, length, rho)

        def higher(place: Place) -> Place:
            perturbation, velocity = place
            gradients = oracle.at(perturbation).gradients
            direction, velocity = self._accumulate(gradients, velocity)
            return self._move(perturbation, direction, oracle, length, rho), velocity

        return backend.repeated(higher, (perturbation, velocity), self.steps - 1)[0]

    def _length(self, rho: Tensor) -> Tensor:
        if not self.projection:
            return rho / self.steps
        return rho if self.step_size is None else ops.cast(self.step_size, rho.dtype)

    def _accumulate(
        self, gradients: Vector, velocity: Vector | None
    ) -> tuple[Vector, Vector | None]:
        if not self.momentum:
            return gradients, None
        gradients = [tensors.at_least_float32(gradient) for gradient in gradients]
        sum_of_magnitudes = tensors.total(ops.sum(ops.abs(gradient)) for gradient in gradients)
        unit = tensors.scale(gradients, tensors.guarded_ratio(1.0, sum_of_magnitudes))
        velocity = unit if velocity is None else tensors.add(unit, velocity, self.momentum)
        return velocity, velocity

    def _move(
        self,
        perturbation: Vector | None,
        direction: Vector,
        oracle: GradientOracle,
        length: Tensor,
        rho: Tensor,
    ) -> Vector:
        move = self.step.direction(direction, oracle.weights, length, oracle.roles)
        moved = move if perturbation is None else tensors.add(perturbation, move)
        if not self.projection:
            return moved
        return self.step.project(moved, oracle.weights, rho, oracle.roles)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "steps": self.steps,
            "projection": self.projection,
            "step_size": self.step_size,
            "momentum": self.momentum,
        }
