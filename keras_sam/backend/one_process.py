"""Where no process knows of another: JAX and TensorFlow have engines of their own for several.

Processes of JAX that belong together share global arrays, and the gradients of a strategy of
TensorFlow's are averaged by its optimizer. `torch_processes` has the same names for PyTorch.
"""

import contextlib
from typing import Any

import keras


def num_processes() -> int:
    """How many processes train one model whose gradients nobody else averages."""
    return 1


def process() -> int:
    """Which of the `num_processes` this one is, counted from 0."""
    return 0


def own_parts(parts: int) -> int:
    """How many of a batch's micro-batches are made here, one after the other: all of them.

    Args:
        parts: Positive integer, those of this process's or replica's batch.
    """
    return parts


def is_shared(model: keras.Model) -> bool:
    """Whether other processes train this very model, be it that the backend averages.

    Args:
        model: The `keras.Model`, built.
    """
    del model
    return False


def joined(seconds: float) -> contextlib.AbstractContextManager[None]:
    """Within it the processes that were started together can train one model.

    Args:
        seconds: After how long a process that waits for another one ends with an error.
    """
    del seconds
    return contextlib.nullcontext()


def told_by_first(fact: Any) -> Any:
    """What the first of the `num_processes` says; the others wait for it.

    Args:
        fact: Anything that can be pickled; of the other processes it is not looked at.
    """
    return fact


def told_to_all(facts: dict[str, str]) -> list[dict[str, str]]:
    """What each of the processes says of itself, in their order; waits for all of them.

    Args:
        facts: Dict of strings, what this process says.
    """
    return [facts]


def sharded_part(model: keras.Model) -> str:
    """Name of a weight that PyTorch has sharded, unknown to Keras; empty where there is none."""
    del model
    return ""
