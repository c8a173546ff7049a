"""The words of the signatures."""

from typing import TYPE_CHECKING, Any, TypeAlias

import keras

# A tensor is of the active backend, and has no type that all three share.
Tensor: TypeAlias = Any
# One tensor a variable, in the order of the variables.
Vector: TypeAlias = list[Tensor]
# `None` for a variable on which the loss does not depend.
Gradients: TypeAlias = list[Tensor | None]
# `(x, y, sample_weight)`, each nested as the model takes it.
Batch: TypeAlias = tuple[Any, Any, Any]

# The base of a class that lends methods to `SAMModel`: it may use what a model has.
if TYPE_CHECKING:
    ModelMixin: TypeAlias = keras.Model
else:
    ModelMixin = object
