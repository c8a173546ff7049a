"""What travels between the server and its clients."""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np


@dataclass(frozen=True)
class Task:
    """What the server sends to the clients of a round.

    Args:
        round: Integer from 0 on.
        learning_rate: Float, of the clients' steps in this round.
        weights: List of arrays, the server's, in the order of `model.get_weights()`.
        momentum: List of arrays, one for each trainable weight: the direction of the server's last
            change, as a gradient. Defaults to `None`, for algorithms without it.
        seed: Integer of at least 0, of what clients draw. Defaults to `0`.
    """

    round: int
    learning_rate: float
    weights: Sequence[np.ndarray]
    momentum: Sequence[np.ndarray] | None = None
    seed: int = 0


@dataclass(frozen=True)
class Update:
    """What a client sends back.

    Args:
        weights: List of arrays after its steps, in the order of `model.get_weights()`.
        num_examples: Integer, how many it has trained on.
        num_steps: Integer, how many steps it has made.
        client: Integer, who it is. Defaults to `0`.
        loss: Float, its mean training loss. Defaults to `nan`.
    """

    weights: Sequence[np.ndarray]
    num_examples: int
    num_steps: int
    client: int = 0
    loss: float = float("nan")

    @property
    def is_finite(self) -> bool:
        """Whether all its weights are numbers."""
        return all(np.all(np.isfinite(array)) for array in self.weights if is_float(array))


def is_float(array: np.ndarray) -> bool:
    """Whether an array holds what can be averaged, and no counts."""
    return keras.backend.is_float_dtype(keras.backend.standardize_dtype(array.dtype))


def trainable_positions(model: keras.Model) -> list[int]:
    """Which of the arrays of `model.get_weights()` are trained.

    Args:
        model: A built `keras.Model`.

    Returns:
        List of integers, in the order of `model.trainable_variables`.

    Example:

    >>> layer = keras.layers.BatchNormalization()
    >>> keras_sam.federated.trainable_positions(keras.Sequential([keras.Input((4,)), layer]))
    [0, 1]
    """
    places = {id(variable): place for place, variable in enumerate(model.weights)}
    return [places[id(variable)] for variable in model.trainable_variables]
