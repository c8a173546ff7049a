"""The server: what it sends, and how the clients' answers change its weights."""

import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from keras_sam import checks
from keras_sam.federated import algorithms
from keras_sam.federated.algorithms import Algorithm
from keras_sam.federated.averaging import CyclicAveraging
from keras_sam.federated.exchange import Task, Update, is_float

Arrays = list[np.ndarray]


class Server:
    """Holds the weights, sends them, and moves along the mean of the clients' changes.

    With `D_i` what client i has changed in its `K_i` steps of the rate eta, a round makes
    `w += server_learning_rate mean(D_i)`; what is not trained, such as BatchNorm statistics,
    becomes the clients' mean. MoFedSAM's momentum is `-mean(D_i) / (mean(K_i) eta)`, 0 at first.
    A client whose weights are not finite is left out of its round with a warning.

    Reference:
        Qu et al., Generalized Federated Learning via Sharpness Aware Minimization, ICML 2022
        (https://arxiv.org/abs/2206.02618), algorithms 1 and 2; Caldarola et al., ECCV 2022
        (https://arxiv.org/abs/2203.11834).

    Args:
        algorithm: Name from `keras_sam.federated.algorithms.names()`, or an `Algorithm`.
        weights: List of arrays, those of `model.get_weights()`.
        trainable: List of integers, `keras_sam.federated.trainable_positions(model)`.
        learning_rate: Float above 0, of the clients' steps. Defaults to `0.1`.
        decay: Float above 0 and at most 1, what the rate is multiplied with after each round.
            Defaults to `1.0`.
        server_learning_rate: Float above 0. Defaults to `1.0`: the clients' mean.
        is_weighted: Whether clients count by their examples. Defaults to `None`, as the algorithm
            has it.
        averaging: A `CyclicAveraging`. Defaults to `None`.
        seed: Integer of at least 0, of what clients draw. Defaults to `0`.

    Attributes:
        round: Integer, how many rounds are done.
        weights: List of arrays.
        momentum: List of arrays, one for each trainable weight; `None` for algorithms without it.
        average: List of arrays, the mean of the weights (SWA); `None` before the first.

    Raises:
        ValueError: If an argument is outside its range, or the algorithm unknown.

    Example:

    >>> from keras_sam.federated import Server, Update
    >>> server = Server("fedavg", [np.zeros(2)], [0])
    >>> server.aggregate([Update([np.ones(2)], 10, 5), Update([np.zeros(2)], 10, 5)])
    >>> server.weights
    [array([0.5, 0.5])]
    """

    def __init__(
        self,
        algorithm: str | Algorithm,
        weights: Sequence[np.ndarray],
        trainable: Sequence[int],
        learning_rate: float = 0.1,
        decay: float = 1.0,
        server_learning_rate: float = 1.0,
        is_weighted: bool | None = None,
        averaging: CyclicAveraging | None = None,
        seed: int = 0,
    ):
        self.algorithm = algorithms.get(algorithm)
        self.learning_rate = checks.positive("learning_rate", learning_rate)
        self.decay = checks.fraction("decay", decay)
        self.server_learning_rate = checks.positive("server_learning_rate", server_learning_rate)
        self.is_weighted = self.algorithm.is_weighted if is_weighted is None else is_weighted
        self.averaging = averaging
        self.seed = checks.seed("seed", seed)
        self.trainable = list(trainable)
        self.round = 0
        self.weights: Arrays = [np.array(array) for array in weights]
        self.momentum: Arrays | None = None
        if self.algorithm.has_momentum:
            self.momentum = [np.zeros_like(self.weights[place]) for place in self.trainable]
        self.average: Arrays | None = None
        self.num_averaged = 0

    def task(self) -> Task:
        """What to send to the clients of this round: a `Task`."""
        rate = self.learning_rate * self.decay**self.round
        if self.averaging is not None:
            rate *= self.averaging.factor(self.round)
        return Task(self.round, rate, self.weights, self.momentum, self.seed)

    def aggregate(self, updates: Sequence[Update]) -> None:
        """Makes the step of a round.

        Args:
            updates: List of `Update`, one for each client that has answered, in any order.

        Raises:
            ValueError: If no client has sent finite weights, or one has sent other arrays.
        """
        updates = self._sound(updates)
        counts = [update.num_examples if self.is_weighted else 1 for update in updates]
        shares = np.array(counts, "float64") / sum(counts)
        changes = [self._change(place, updates, shares) for place in range(len(self.weights))]
        if self.momentum is not None:
            steps = float(shares @ [update.num_steps for update in updates])
            way = steps * self.task().learning_rate
            self.momentum = [
                (-changes[place] / way).astype(self.weights[place].dtype)
                for place in self.trainable
            ]
        for place, change in enumerate(changes):
            rate = self.server_learning_rate if place in self.trainable else 1.0
            weight = self.weights[place]
            self.weights[place] = (weight.astype("float64") + rate * change).astype(weight.dtype)
        self._average()
        self.round += 1

    def _sound(self, updates: Sequence[Update]) -> list[Update]:
        """The updates with finite weights, in the order of the clients: sums depend on it."""
        shapes = [array.shape for array in self.weights]
        for update in updates:
            if [np.shape(array) for array in update.weights] != shapes:
                raise ValueError(
                    "A client must send weights of the server's shapes: both need the same model. "
                    f"Received: {[np.shape(array) for array in update.weights]} from client "
                    f"{update.client}, for {shapes}"
                )
        finite = [update for update in updates if update.is_finite]
        if not finite:
            raise ValueError(
                f"Round {self.round + 1} needs at least one client with finite weights: lower the "
                "learning rate, or see why the clients fail. "
                f"Received: {len(updates)} answers, none of them finite"
            )
        if len(finite) < len(updates):
            lost = [update.client for update in updates if not update.is_finite]
            warnings.warn(
                f"Round {self.round + 1} goes on without weights that are not finite: those of "
                f"the clients {', '.join(map(str, lost))}.",
                stacklevel=3,
            )
        return sorted(finite, key=lambda update: update.client)

    def _change(self, place: int, updates: list[Update], shares: np.ndarray) -> np.ndarray:
        """The clients' mean change of an array, in float64; counts do not change."""
        weight = self.weights[place]
        change = np.zeros(weight.shape)
        if is_float(weight):
            for share, update in zip(shares, updates):
                change += share * (update.weights[place].astype("float64") - weight)
        return change

    def _average(self) -> None:
        if self.averaging is None or not self.averaging.is_due(self.round):
            return
        self.num_averaged += 1
        before = self.average or self.weights
        self.average = [
            (mean + (weight - mean) / self.num_averaged).astype(weight.dtype)
            if is_float(weight)
            else weight
            for mean, weight in zip(before, self.weights)
        ]

    def state(self) -> dict[str, np.ndarray]:
        """All that a server needs to go on, as arrays by name; `restore` takes it."""
        lists = {"weight": self.weights, "momentum": self.momentum, "average": self.average}
        arrays = {
            f"{name}_{place}": array
            for name, found in lists.items()
            for place, array in enumerate(found or [])
        }
        return {"round": np.array(self.round), "averaged": np.array(self.num_averaged), **arrays}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Goes on where a server of the same model has stopped.

        Args:
            state: Dictionary of arrays from `state`.

        Raises:
            ValueError: If it is of another model or algorithm.
        """
        for name, array in self.state().items():
            shape = np.shape(state[name]) if name in state else None
            if shape != array.shape:
                raise ValueError(
                    "A server goes on from the state of one with the same model and algorithm. "
                    f"Received: {name} of shape {shape}, not {array.shape}"
                )
        self.round, self.num_averaged = int(state["round"]), int(state["averaged"])
        self.weights = _arrays("weight", len(self.weights), state)
        if self.momentum is not None:
            self.momentum = _arrays("momentum", len(self.momentum), state)
        if self.num_averaged:
            self.average = _arrays("average", len(self.weights), state)

    def save(self, path: str | Path, **more: np.ndarray) -> None:
        """Writes the state to a file, which is whole at every moment.

        Args:
            path: Path of an `.npz` file.
            **more: Arrays to keep beside it.
        """
        path = Path(path)
        unfinished = path.with_name(f"unfinished_{path.stem}.npz")
        np.savez(unfinished, **self.state(), **more)  # type: ignore[arg-type]
        os.replace(unfinished, path)

    def load(self, path: str | Path) -> dict[str, np.ndarray]:
        """Goes on from a file that `save` has written.

        Args:
            path: Path of the file.

        Returns:
            Dictionary of all arrays in the file.

        Raises:
            ValueError: If the file is damaged, or of another model or algorithm.
        """
        try:
            with np.load(path) as file:
                state = dict(file)
        except (OSError, ValueError, EOFError, KeyError) as error:
            raise ValueError(
                f"{path} must hold the state of a server: delete it to start anew. "
                f"Received: {error}"
            ) from error
        self.restore(state)
        return state


def _arrays(name: str, count: int, state: Mapping[str, np.ndarray]) -> Arrays:
    return [state[f"{name}_{place}"] for place in range(count)]
