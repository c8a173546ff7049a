"""Which examples to keep: the same ones every time, and every class alike."""

import numpy as np
from numpy.typing import ArrayLike

from keras_sam.checks import shown


def balanced(labels: ArrayLike, number: int | None) -> np.ndarray:
    """Positions of the first `number` examples when the classes take turns.

    Args:
        labels: Integer array (examples,).
        number: Integer of at least 1, how many examples to keep; `None` keeps all.

    Returns:
        Sorted integer array (number,) of positions. Class sizes differ by one at most as long as
        no class runs out of examples.

    Raises:
        ValueError: If `number` is not between 1 and the number of examples.

    Example:

    >>> import numpy as np
    >>> from keras_sam.datasets.selection import balanced
    >>> balanced(np.array([0, 0, 0, 1, 1]), 4)
    array([0, 1, 3, 4])
    """
    labels = np.asarray(labels)
    if number is None:
        return np.arange(len(labels))
    is_integer = isinstance(number, int | np.integer) and not isinstance(number, bool)
    if not is_integer or not 1 <= number <= len(labels):
        raise ValueError(
            f"There are {len(labels)} examples to choose from: ask for 1 to {len(labels)} of "
            f"them. Received: {shown(number)}"
        )
    turn = np.zeros(len(labels), dtype=int)
    for label in np.unique(labels):
        members = labels == label
        turn[members] = np.arange(members.sum())
    return np.sort(np.lexsort((labels, turn))[:number])
