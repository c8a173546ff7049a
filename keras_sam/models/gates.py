"""Random gates that differ between forward and backward pass, as layers.

`y = stop_gradient(forward - backward) + backward` has the value of the one and the gradient of
the other. That regularises, but is not the loss's gradient: in the pass of an ascent, as
`keras_sam.training.true_gradient` says, the gates of the forward pass act backward as well.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import layers, ops

from keras_sam.tensors import Tensor
from keras_sam.training import true_gradient


class _Gate(layers.Layer):
    def __init__(self, seed: int | None = None, **arguments: Any):
        super().__init__(**arguments)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = False

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}

    def uniform(self, like: Tensor, low: float = 0.0, high: float = 1.0) -> Tensor:
        """A number for each example, in float32: half precision knows too few."""
        shape = (ops.shape(like)[0], *(1 for _ in like.shape[1:]))
        return keras.random.uniform(shape, low, high, dtype="float32", seed=self.seed_generator)

    def gated(
        self, function: Callable[[Tensor], Tensor], forward: Tensor, backward: Tensor
    ) -> Tensor:
        """`function` of the forward gate, with its gradient at the backward one."""
        backward = _where(true_gradient.wanted(), forward, backward)
        forward, backward = (
            function(ops.cast(gate, self.compute_dtype)) for gate in (forward, backward)
        )
        return ops.stop_gradient(forward - backward) + backward


def _where(condition: bool | Tensor, one: Tensor, other: Tensor) -> Tensor:
    if isinstance(condition, bool):
        return one if condition else other
    return ops.where(condition, one, other)


@keras.saving.register_keras_serializable(package="keras_sam")
class ShakeShake(_Gate):
    """Mixes two branches at random: `alpha * a + (1 - alpha) * b`.

    "Shake-Shake regularization" (Gastaldi, 2017), with gates for each example: forward alpha,
    backward an independent beta, both uniform in [0, 1]; in inference both branches count half.

    Args:
        seed: Integer seed of the gates. Defaults to `None`, a random one.
        **arguments: Keras's, such as `name` and `dtype`.

    Example:

    >>> import numpy as np
    >>> branches = [np.zeros((2, 4, 4, 3)), np.ones((2, 4, 4, 3))]
    >>> float(ShakeShake()(branches)[0, 0, 0, 0])
    0.5
    """

    def call(self, inputs: Sequence[Tensor], training: bool | None = None) -> Tensor:
        first, second = inputs
        if not training:
            return (first + second) * 0.5
        alpha, beta = (self.uniform(first) for _ in range(2))
        return self.gated(lambda gate: gate * first + (1 - gate) * second, alpha, beta)

    def compute_output_shape(
        self, input_shape: Sequence[tuple[int | None, ...]]
    ) -> tuple[int | None, ...]:
        return input_shape[0]


@keras.saving.register_keras_serializable(package="keras_sam")
class ShakeDrop(_Gate):
    """Scales a residual branch at random: by `b + alpha - b * alpha`.

    "ShakeDrop Regularization for Deep Residual Learning" (Yamada et al., 2019), equation 6, with
    gates for each example: b is 1 with probability `survival` and else 0, alpha is uniform in
    [-1, 1]; backward an independent beta in [0, 1] takes alpha's place, with the same b. In
    inference the branch counts as much as on average, `survival` times.

    Args:
        survival: Float from 0 to 1, probability that an example's branch is left as it is.
        seed: Integer seed of the gates. Defaults to `None`, a random one.
        **arguments: Keras's, such as `name` and `dtype`.

    Example:

    >>> import numpy as np
    >>> float(ShakeDrop(survival=0.75)(np.ones((2, 4, 4, 3)))[0, 0, 0, 0])
    0.75
    """

    def __init__(self, survival: float, seed: int | None = None, **arguments: Any):
        super().__init__(seed, **arguments)
        self.survival = survival

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        if not training:
            return inputs * self.survival
        survives = self.uniform(inputs) < self.survival
        alpha, beta = self.uniform(inputs, -1.0), self.uniform(inputs)
        gates = (ops.where(survives, 1.0, number) for number in (alpha, beta))
        return self.gated(lambda gate: gate * inputs, *gates)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "survival": self.survival}
