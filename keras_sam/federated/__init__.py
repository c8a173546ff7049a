"""Federated learning with sharpness-aware clients: the mathematics, and its strategy for Flower.

Everything but `FlowerStrategy` and `client_app` needs NumPy and Keras alone. In a round the server
sends a `Task` to some clients, each of them trains (`LocalTrainer`) and answers with an `Update`,
and the `Server` takes a step along their mean.
"""

from typing import Any

from keras_sam.federated import algorithms
from keras_sam.federated.algorithms import Algorithm
from keras_sam.federated.averaging import CyclicAveraging
from keras_sam.federated.exchange import Task, Update, trainable_positions
from keras_sam.federated.local_training import LocalTrainer
from keras_sam.federated.partition import dirichlet_parts
from keras_sam.federated.server import Server

OF_FLOWER = ("FlowerStrategy", "client_app")

__all__ = [
    "Algorithm",
    "CyclicAveraging",
    "FlowerStrategy",
    "LocalTrainer",
    "Server",
    "Task",
    "Update",
    "algorithms",
    "client_app",
    "dirichlet_parts",
    "trainable_positions",
]


def __getattr__(name: str) -> Any:
    """What needs Flower is imported when it is asked for; without Flower that says what to do."""
    if name not in OF_FLOWER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from keras_sam.federated import flower

    return getattr(flower, name)
