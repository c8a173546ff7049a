"""What a method asks of an optimizer, where there is none of Keras's."""

from typing import Any, Protocol, TypeAlias

import keras

from keras_sam import checks
from keras_sam.tensors import Tensor


class PlainOptimizer(Protocol):
    """An optimizer of PyTorch's."""

    param_groups: list[dict[str, Any]]

    def step(self) -> Any: ...


Optimizer: TypeAlias = keras.optimizers.Optimizer | PlainOptimizer


class Clock:
    """Counts steps, and knows the learning rate of an optimizer of PyTorch's.

    Args:
        iterations: The `keras.Variable` that counts.
        optimizer: A `torch.optim.Optimizer`, or `None`.
        method: Name of the method, for errors.
    """

    def __init__(
        self, iterations: keras.Variable, optimizer: PlainOptimizer | None, method: str
    ) -> None:
        if optimizer is not None and not hasattr(optimizer, "param_groups"):
            expected = "a keras.optimizers.Optimizer, or for plain modules one of torch.optim"
            checks.refuse("optimizer", expected, optimizer)
        self.iterations = iterations
        self.optimizer = optimizer
        self.method = method

    @property
    def learning_rate(self) -> Tensor:
        """The learning rate of the first group of parameters."""
        if self.optimizer is None:
            raise ValueError(
                f"The method {self.method!r} asks for the learning rate: give the optimizer that "
                "is to get the gradients. Received: optimizer=None"
            )
        return self.optimizer.param_groups[0]["lr"]

    @property
    def momentum(self) -> float | None:
        """SGD's, of the first group of parameters."""
        return None if self.optimizer is None else self.optimizer.param_groups[0].get("momentum")

    @property
    def beta_1(self) -> float | None:
        """The decay of Adam's first moment, in the first group of parameters."""
        groups = [{}] if self.optimizer is None else self.optimizer.param_groups
        return groups[0].get("betas", (None,))[0]

    def scale_loss(self, loss: Tensor) -> Tensor:
        """The loss as it is."""
        return loss
