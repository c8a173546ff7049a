"""Tells layers with random gradients whether a pass needs the true one.

Shake-Shake and ShakeDrop regularise by drawing the gates of the backward pass anew. An ascent
must not climb along such a gradient: Foret et al. (2021) take the gates of the forward pass for
both directions in the first pass of a step, and independent ones in the second.
"""

import contextlib
import contextvars
from collections.abc import Iterator

from keras_sam.tensors import Tensor

_WANTED = contextvars.ContextVar("true_gradient", default=False)


def wanted() -> bool | Tensor:
    """Whether the present evaluation is one for an ascent, which needs the true gradient.

    Returns:
        Bool, or a scalar bool tensor where only the training step knows.

    Example:

    >>> from keras_sam.training import true_gradient
    >>> true_gradient.wanted()
    False
    """
    return _WANTED.get()


@contextlib.contextmanager
def asked(flag: bool | Tensor) -> Iterator[None]:
    """Evaluations inside the block need the true gradient where `flag` holds.

    Args:
        flag: Bool, or a scalar bool tensor.

    Example:

    >>> from keras_sam.training import true_gradient
    >>> with true_gradient.asked(True):
    ...     true_gradient.wanted()
    True
    """
    token = _WANTED.set(flag)
    try:
        yield
    finally:
        _WANTED.reset(token)
