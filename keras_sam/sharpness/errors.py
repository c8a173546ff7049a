"""What may go wrong with a model that is measured, though all arguments are right."""

from collections.abc import Iterable

import numpy as np
from keras import ops

from keras_sam.tensors import Tensor


class NonFiniteError(ValueError):
    """A loss or a derivative is infinite or not a number."""


class NotConvergedError(RuntimeError):
    """An iteration has not found its result in time."""


def finite(scalars: Iterable[Tensor]) -> np.ndarray:
    """Array of the scalars of all batches; refuses one that is not finite."""
    # Read after the last batch: a device need not wait for the host in between.
    values = np.array([float(ops.convert_to_numpy(scalar)) for scalar in scalars])
    broken = np.flatnonzero(~np.isfinite(values))
    if len(broken):
        raise NonFiniteError(
            "The loss and its derivatives must be finite; look at the data and the predictions "
            f"of the batch. Received: {values[broken[0]]} from batch {broken[0]} of {len(values)}"
        )
    return values
