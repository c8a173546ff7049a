"""What a client's step has that no training on one machine has."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras.optimizers.schedules import LearningRateSchedule

from keras_sam import checks, tensors
from keras_sam.ascent import AscentAround
from keras_sam.methods.method import Method
from keras_sam.tensors import Tensor, Vector
from keras_sam.training.carriers import Context
from keras_sam.training.memory import Slot
from keras_sam.training.oracle import GradientOracle

BACK = "way_back"


@keras.saving.register_keras_serializable(package="keras_sam")
class BackwardAscent(AscentAround):
    """Climbs towards the weights from which the last rounds have come, the same way all round.

    Not at all in a client's first round, of which it knows no weights before.

    Reference:
        Fan et al., Locally Estimated Global Perturbations are Better than Local Perturbations for
        Federated Sharpness-aware Minimization, ICML 2024 (https://arxiv.org/abs/2405.18890).

    Args:
        step: The closed-form `Ascent` to follow. Defaults to `DualNormAscent()`.

    Example:

    >>> from keras_sam.federated.steps import BackwardAscent
    >>> method = keras_sam.methods.Method(BackwardAscent(), rho=0.1)
    """

    is_one_pass = True
    starts_clean = False

    def slots(self) -> dict[str, Slot]:
        return {BACK: Slot()}

    def origin(self, oracle: GradientOracle, context: Context) -> Vector | None:
        return self.along(tensors.values(context.state[BACK]), oracle, context.rho)

    def perturbation(self, oracle: GradientOracle, gradients: Vector, context: Context) -> Vector:
        return self.along(tensors.values(context.state[BACK]), oracle, context.rho)


def backward_method(**options: Any) -> Method:
    """FedLESAM's step: the gradient a step of `rho` back towards the weights of before."""
    return Method(BackwardAscent(), name="fedlesam", **options)


@keras.saving.register_keras_serializable(package="keras_sam")
class MixedSGD(keras.optimizers.SGD):
    """SGD along `beta g + (1 - beta) M`, where M is the same in all steps of a round.

    Clipping is for the mixture, as in the code that reproduces the paper's tables.

    Reference:
        Qu et al., ICML 2022 (https://arxiv.org/abs/2206.02618), algorithm 2.

    Args:
        learning_rate: As in `keras.optimizers.SGD`. Defaults to `0.1`.
        beta: Float above 0 and at most 1, the share of the gradient. Defaults to `0.1`.
        **options: Of `keras.optimizers.SGD`.

    Raises:
        ValueError: If `beta` is outside its range.

    Example:

    >>> from keras_sam.federated.steps import MixedSGD
    >>> optimizer = MixedSGD(0.1, beta=0.1)
    """

    def __init__(
        self, learning_rate: float | LearningRateSchedule = 0.1, beta: float = 0.1, **options: Any
    ):
        super().__init__(learning_rate, **options)
        self.beta = checks.fraction("beta", beta)

    def build(self, variables: Sequence[keras.Variable]) -> None:
        if not self.built:
            super().build(variables)
            self.mixed_in = [
                self.add_variable_from_reference(variable, name="mixed_in")
                for variable in variables
            ]

    def mix_in(self, momentum: Sequence[np.ndarray]) -> None:
        """Sets M: arrays as the trainable variables."""
        tensors.assign(self.mixed_in, list(momentum))

    def apply(
        self,
        grads: Sequence[Tensor | None],
        trainable_variables: Sequence[keras.Variable] | None = None,
    ) -> None:
        if not self.built:
            self.build(trainable_variables or [])
        mixed = [
            None if gradient is None else self._mixture(gradient, kept)
            for gradient, kept in zip(grads, self.mixed_in, strict=True)
        ]
        super().apply(mixed, trainable_variables)

    def _mixture(self, gradient: Tensor, kept: keras.Variable) -> Tensor:
        return self.beta * gradient + (1 - self.beta) * keras.ops.cast(kept.value, gradient.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta": self.beta}
