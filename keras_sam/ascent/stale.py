"""Ascents along what earlier batches have left, known before any gradient of this one."""

from typing import Any

from keras_sam import checks, tensors
from keras_sam.ascent.around import AscentAround
from keras_sam.ascent.ascent import Ascent
from keras_sam.exports import part
from keras_sam.tensors import Vector
from keras_sam.training.carriers import Context
from keras_sam.training.memory import Slot
from keras_sam.training.oracle import GradientOracle

MOMENTUM = 0.9  # Beside an optimizer that has none.
PREVIOUS = {"previous_gradient": Slot()}


@part
class PreviousGradientAscent(AscentAround):
    """Climbs along the first gradient of the batch before: not at all on the first batch.

    Reference:
        Ji et al., A Single-Step, Sharpness-Aware Minimization is All You Need to Achieve
        Efficient and Accurate Sparse Training, NeurIPS 2024; Xie et al., SAMPa, NeurIPS 2024.

    Args:
        step: The closed-form `Ascent` to follow. Defaults to `DualNormAscent()`.
        is_one_pass: Whether the only evaluation of a batch is at the perturbed weights, as in
            S2-SAM; else the descent evaluates there once more, as SAMPa's does on the batch
            before. Defaults to `True`.

    Raises:
        ValueError: If `step` is not a closed form.

    Example:

    >>> method = keras_sam.methods.Method(keras_sam.ascent.PreviousGradientAscent())
    """

    def __init__(self, step: Ascent | None = None, is_one_pass: bool = True):
        super().__init__(step)
        self.is_one_pass = checks.boolean("is_one_pass", is_one_pass)
        self.starts_clean = not self.is_one_pass
        self.family = None if self.is_one_pass else "sampa"

    def slots(self) -> dict[str, Slot]:
        return PREVIOUS

    def origin(self, oracle: GradientOracle, context: Context) -> Vector | None:
        return self._along_previous(oracle, context) if self.is_one_pass else None

    def perturbation(self, oracle: GradientOracle, gradients: Vector, context: Context) -> Vector:
        return self._along_previous(oracle, context)

    def _along_previous(self, oracle: GradientOracle, context: Context) -> Vector:
        previous = tensors.values(context.state["previous_gradient"])
        return self.along(previous, oracle, context.rho)

    def learn(self, oracle: GradientOracle, gradients: Vector, context: Context) -> None:
        if self.is_one_pass:  # Else the descent does, for all weights.
            tensors.assign(context.state["previous_gradient"], gradients)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "is_one_pass": self.is_one_pass}


@part
class MomentumAscent(AscentAround):
    """Climbs against the momentum, further along the way that the optimizer is going.

    The perturbation is `-rho v / ||v||` with `v = momentum v + g`, a buffer of its own: unlike
    Keras's, which holds learning rates as well, it stays exact when these change. Its direction
    is also that of Adam's first moment, whose decay is `beta_1`.

    Reference:
        Becker et al., Momentum-SAM: Sharpness Aware Minimization without Computational
        Overhead, NeurIPS 2025, algorithm 1.

    Args:
        step: The closed-form `Ascent` to follow. Defaults to `DualNormAscent()`.
        momentum: Float in [0, 1). Defaults to `None`: the momentum of the compiled optimizer, or
            its `beta_1`, or 0.9 where it has neither.

    Raises:
        ValueError: If an argument is outside its range.

    Example:

    >>> method = keras_sam.methods.Method(keras_sam.ascent.MomentumAscent(momentum=0.9), rho=0.3)
    """

    is_one_pass = True
    starts_clean = False
    counts_updates = True

    def __init__(self, step: Ascent | None = None, momentum: float | None = None):
        super().__init__(step)
        self.momentum = None if momentum is None else checks.share("momentum", momentum)

    def slots(self) -> dict[str, Slot]:
        return {"velocity": Slot()}

    def origin(self, oracle: GradientOracle, context: Context) -> Vector | None:
        velocity = tensors.values(context.state["velocity"])
        return self.along(tensors.scale(velocity, -1.0), oracle, context.rho)

    def learn(self, oracle: GradientOracle, gradients: Vector, context: Context) -> None:
        velocity, momentum = context.state["velocity"], self.momentum
        if momentum is None:
            momentum = context.momentum("momentum", "beta_1") or MOMENTUM
        new = tensors.add(tensors.scale(tensors.values(velocity), momentum), gradients)
        tensors.assign(velocity, new)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "momentum": self.momentum}
