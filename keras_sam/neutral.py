"""One `train_step` for all backends."""

from keras_sam import backend
from keras_sam.backend.types import Function


def neutral_train_step(function: Function) -> Function:
    """A `train_step(self, data)` that reads and assigns variables, on any backend.

    Keras hands a `train_step` the state of the model on JAX alone: with this decorator one serves
    all three backends. Optimizers beside the compiled one must be built, and the model must have
    their `variables` as an attribute.

    Args:
        function: Method `(self, data)` of a `keras.Model` that returns a dict of logs.

    Returns:
        The method as the active backend's trainer calls it.

    Example:

    >>> class Own(keras.Model):
    ...     @keras_sam.neutral_train_step
    ...     def train_step(self, data):
    ...         return {"loss": keras.ops.mean(data)}
    """
    return backend.neutral_train_step(function)
