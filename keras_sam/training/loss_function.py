"""A function that computes a loss, in the place of a model and its compiled loss."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from keras_sam import backend, checks
from keras_sam.roles import Role
from keras_sam.tensors import Nested, OwnLoss, Tensor
from keras_sam.training.scope import Scope

Placing = Callable[[], contextlib.AbstractContextManager[Any]]


class LossFunction:
    """A loss function as an oracle asks a model: its loss and auxiliary output are predictions.

    Args:
        loss_fn: Function of the data that returns the loss, or `(loss, aux)`.
        of_examples: Whether it is to return the losses of the examples.
        accepts_examples: Whether it may. Defaults to `of_examples`.
        placing: Function that returns a context manager within which weights that are not Keras's
            have their variables' values. Defaults to none.

    Attributes:
        read: Set of the `id` of each variable that was read.
        is_scalar: Whether the function has returned a scalar.
    """

    is_scalar: bool

    def __init__(
        self,
        loss_fn: OwnLoss,
        of_examples: bool = False,
        accepts_examples: bool | None = None,
        placing: Placing = contextlib.nullcontext,
    ):
        if not callable(loss_fn):
            checks.refuse("loss_fn", "a function that returns a loss, or (loss, aux)", loss_fn)
        self.loss_fn = loss_fn
        self.of_examples = of_examples
        self.accepts_examples = of_examples if accepts_examples is None else accepts_examples
        self.placing = placing
        self.read: set[int] = set()
        self.is_told = _has_argument(loss_fn, "training")

    def __call__(self, x: Nested, training: bool) -> tuple[Tensor, Any]:
        """`(loss, aux)` for data `x`: `None`, a tuple of arguments, or the only argument."""
        arguments = x if isinstance(x, tuple | list) else () if x is None else (x,)
        options = {"training": training} if self.is_told else {}
        with _Reading(collect_losses=True) as scope, self.placing():
            result = self.loss_fn(*arguments, **options)
        scope.hand_on()
        self.read |= scope.read
        loss, aux = result if isinstance(result, tuple) and len(result) == 2 else (result, None)
        self._check(loss)
        self.is_scalar = len(loss.shape) == 0
        return loss, aux

    def compute_loss(
        self, x: Nested, y: Nested, y_pred: Tensor, sample_weight: Nested, training: bool = True
    ) -> Tensor:
        """The loss, or the mean of the examples' losses with these weights."""
        loss, _ = y_pred
        if len(loss.shape) == 0:
            return loss  # Of a batch that was kept whole all examples weigh the same.
        if sample_weight is not None:
            loss = loss * ops.cast(sample_weight, loss.dtype)
        # As a loss that Keras computes: what is not divided here would count once a replica.
        return ops.mean(loss) / backend.num_replicas()

    def check_connected(self, roles: Sequence[Role], is_connected: Sequence[bool]) -> None:
        """Refuses variables on which the loss does not depend.

        JAX has a gradient of zeros for them: of a variable that is not read we know.
        """
        lacking = [
            role.variable.path
            for role, connected in zip(roles, is_connected, strict=True)
            if not (connected and id(role.variable) in self.read)
            and not role.variable.overwrite_with_gradient
        ]
        if lacking:
            raise ValueError(
                "loss_fn must depend on each trainable variable that the step was given: use it in "
                "the loss, freeze it, or leave it out. "
                f"Received: a loss that does not depend on {checks.shortened(', '.join(lacking))}"
            )

    def _check(self, loss: Tensor) -> None:
        shape = tuple(loss.shape) if hasattr(loss, "shape") else None
        if self.of_examples and (shape is None or len(shape) != 1):
            raise ValueError(
                "This method weighs the examples: loss_fn must return the loss of each one, of "
                "shape (batch,), or (losses, aux); the mean is taken of them. "
                f"Received: {_shown(loss, shape)}"
            )
        if shape == () or (self.accepts_examples and shape is not None and len(shape) == 1):
            return
        raise ValueError(
            "loss_fn must return a scalar tensor, or (loss, aux); take the mean over the batch "
            f"with keras.ops.mean. Received: {_shown(loss, shape)}"
        )


class _Reading(Scope):
    """A scope that notes which variables are read."""

    def __init__(self, collect_losses: bool = False) -> None:
        super().__init__(collect_losses)
        self.read: set[int] = set()

    def get_current_value(self, variable: keras.Variable) -> Tensor | None:
        self.read.add(id(variable))
        return super().get_current_value(variable)


def _has_argument(function: OwnLoss, name: str) -> bool:
    try:
        return name in inspect.signature(function).parameters
    except (TypeError, ValueError):  # Of a function in C nothing is known.
        return False


def _shown(loss: Any, shape: tuple[int, ...] | None) -> str:
    return checks.received(loss_fn_returned=loss) if shape is None else f"a loss of shape {shape}"
