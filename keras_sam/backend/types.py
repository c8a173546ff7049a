"""The words of the signatures."""

import functools
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import keras
import numpy as np

# A tensor is of the active backend, and has no type that all three share.
Tensor: TypeAlias = Any
# One tensor a variable, in the order of the variables.
Vector: TypeAlias = list[Tensor]
# `None` for a variable on which the loss does not depend.
Gradients: TypeAlias = list[Tensor | None]
# Opens a block in which a model has a vector's tensors for its weights.
Placed: TypeAlias = Callable[[Vector], AbstractContextManager[Any]]
# Arrays or tensors with an axis of examples first, nested as a model or a loss takes them.
Nested: TypeAlias = np.ndarray | Tensor | Sequence["Nested"] | Mapping[str, "Nested"]
# `(x, y, sample_weight)`; the last two may be `None`.
Batch: TypeAlias = tuple[Any, Any, Any]
# A loss of one's own, of such data or of nothing: the loss, or `(loss, aux)`.
OwnLoss: TypeAlias = Callable[..., Tensor | tuple[Tensor, Any]]

# The base of a class that lends methods to `SAMModel`: it may use what a model has.
if TYPE_CHECKING:
    ModelMixin: TypeAlias = keras.Model
else:
    ModelMixin = object

Function = TypeVar("Function", bound=Callable)


def documented_as(function: Callable) -> Callable[[Function], Function]:
    """`functools.wraps`, but that the type stays that of a method: mypy binds no `self` to its own.

    Args:
        function: The function whose name, signature and docstring are shown.
    """
    return functools.wraps(function)  # type: ignore[return-value]
