"""A client's part of a round: some epochs over its own examples, from the server's weights."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_sam import checks, methods, tensors
from keras_sam.federated import algorithms
from keras_sam.federated.algorithms import Algorithm
from keras_sam.federated.exchange import Task, Update, trainable_positions
from keras_sam.federated.steps import BACK, MixedSGD, backward_method
from keras_sam.methods.method import Method
from keras_sam.model import SAMModel


class LocalTrainer:
    """Trains for one client after the other, each from the weights that the server has sent.

    Each round starts with a fresh optimizer, SGD without momentum, and a fresh state of the method.
    What is drawn at random, such as the order of the examples or the masks of Dropout, depends on
    the task's seed and round and on the client alone, and not on the process that trains; for that
    `train` sets the random seeds of the process.

    Args:
        model: A built `keras.Model`.
        loss: As in `compile`.
        algorithm: Name from `keras_sam.federated.algorithms.names()`, or an `Algorithm`.
            Defaults to `"fedsam"`.
        method: Name from `keras_sam.methods.list()`, or a `Method`: the clients' step. Defaults to
            `None`, the algorithm's own.
        epochs: Positive integer, over a client's examples in each round. Defaults to `5`.
        batch_size: Positive integer; an epoch's last batch may be smaller. Defaults to `50`.
        beta: Float above 0 and at most 1, the share of the gradient in MoFedSAM's steps.
            Defaults to `0.1`.
        optimizer_options: Dictionary for `keras.optimizers.SGD`, such as `weight_decay` or
            `global_clipnorm`. Defaults to none.
        **options: Of the method, such as `rho`.

    Raises:
        ValueError: If the algorithm or the method is unknown, or an argument outside its range.

    Example:

    >>> from keras_sam import federated
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    >>> trainer = federated.LocalTrainer(model, "mse", "fedsam", epochs=2, batch_size=4, rho=0.05)
    >>> server = federated.Server("fedsam", model.get_weights(), [0, 1])
    >>> trainer.train(server.task(), np.ones((8, 4)), np.ones((8, 1))).num_steps
    4
    """

    def __init__(
        self,
        model: keras.Model,
        loss: Any,
        algorithm: str | Algorithm = "fedsam",
        method: str | Method | None = None,
        epochs: int = 5,
        batch_size: int = 50,
        beta: float = 0.1,
        optimizer_options: dict[str, Any] | None = None,
        **options: Any,
    ):
        self.algorithm = algorithms.get(algorithm)
        self.epochs = checks.positive_integer("epochs", epochs)
        self.batch_size = checks.positive_integer("batch_size", batch_size)
        self.network = model
        chosen = client_method(self.algorithm, method, options)
        self.model, self.memory = model, None
        if chosen is not None:
            self.model = SAMModel(model, method=chosen)
            self.memory = self.model.memory
        settings = optimizer_options or {}
        kind = MixedSGD if self.algorithm.has_momentum else keras.optimizers.SGD
        if self.algorithm.has_momentum:
            settings = {**settings, "beta": beta}
        self.optimizer = kind(0.1, **settings)
        self.model.compile(self.optimizer, loss)
        self.optimizer.build(self.model.trainable_variables)
        self._fresh = [
            np.array(keras.ops.convert_to_numpy(variable)) for variable in self._states()
        ]

    def _states(self) -> list[keras.Variable]:
        """What a round must not leave to the next: of the optimizer and of the method."""
        return [*self.optimizer.variables, *(self.memory.weights if self.memory else [])]

    def train(
        self,
        task: Task,
        x: np.ndarray,
        y: np.ndarray,
        client: int = 0,
        last_seen: Sequence[np.ndarray] | None = None,
    ) -> Update:
        """A client's part of a round.

        Args:
            task: The `Task`.
            x: Array (examples, …).
            y: Array (examples, …).
            client: Integer, who it is. Defaults to `0`.
            last_seen: List of arrays, the weights of the last `Task` that this client had, for an
                algorithm that looks back. Defaults to `None`, for its first round.

        Returns:
            The `Update`.

        Raises:
            ValueError: If the client has no examples.
        """
        if not len(x) or len(x) != len(y):
            raise ValueError(
                f"Client {client} must have at least one example, each with its label: leave it "
                f"out, or deal the examples out again. Received: {len(x)} examples, {len(y)} labels"
            )
        self._start(task, last_seen)
        names = (task.seed, task.round, client)
        batches = _Batches(x, y, self.batch_size, self.epochs, names)
        # Not before `fit` has built what it needs, which draws as well.
        seeding = keras.callbacks.LambdaCallback(on_train_begin=lambda logs: self._seed(*names))
        history = self.model.fit(batches, shuffle=False, verbose=0, callbacks=[seeding])
        return Update(
            self.network.get_weights(), len(x), len(batches), client, history.history["loss"][-1]
        )

    def _start(self, task: Task, last_seen: Sequence[np.ndarray] | None) -> None:
        tensors.assign(self._states(), self._fresh)
        self.network.set_weights(task.weights)
        self.optimizer.learning_rate = task.learning_rate
        if task.momentum is not None and isinstance(self.optimizer, MixedSGD):
            self.optimizer.mix_in(task.momentum)
        if self.memory and self.algorithm.looks_back and last_seen is not None:
            ways = [
                np.asarray(last_seen[place]) - np.asarray(task.weights[place])
                for place in trainable_positions(self.network)
            ]
            tensors.assign(self.memory.state[BACK], ways)

    def _seed(self, *names: int) -> None:
        drawn = int(np.random.default_rng(names).integers(2**31))
        keras.utils.set_random_seed(drawn)  # PyTorch's Dropout has no generator of its own.
        for place, generator in enumerate(self._seeds()):
            generator.assign(np.array([drawn, place]))

    def _seeds(self) -> list[keras.Variable]:
        """States of the random generators: the variables that Keras counts to no weights."""
        weights = {id(variable) for variable in self.network.weights}
        own = [variable for variable in self.network.variables if id(variable) not in weights]
        return [*own, self.memory.seed.state] if self.memory and self.memory.seed else own


def client_method(
    algorithm: Algorithm, method: str | Method | None, options: dict[str, Any]
) -> Method | None:
    """The method of an algorithm's clients; `None` for plain steps.

    Raises:
        ValueError: If the algorithm does not take this method, or the options.
    """
    if not algorithm.takes_method and method is not None:
        raise ValueError(
            f"The steps of {algorithm.name} are its own: leave the method out, or take fedsam with "
            f"it. Received: {checks.received(method=method)}"
        )
    if algorithm.looks_back:
        return backward_method(**{**algorithm.options, **options})
    if method is not None:
        return methods.get(method, **options)
    if algorithm.method is not None:
        return methods.get(algorithm.method, **{**algorithm.options, **options})
    if options:
        raise ValueError(
            f"{algorithm.name} makes plain steps, which take no options. "
            f"Received: {checks.received(**options)}"
        )
    return None


class _Batches(keras.utils.PyDataset):
    """All batches of all epochs of a round, shuffled anew for each epoch."""

    def __init__(
        self, x: np.ndarray, y: np.ndarray, batch_size: int, epochs: int, seed: Sequence[int]
    ):
        super().__init__()
        self.x, self.y, self.batch_size = x, y, batch_size
        self.per_epoch = math.ceil(len(x) / batch_size)
        rng = np.random.default_rng(list(seed))
        self.orders = [rng.permutation(len(x)) for _ in range(epochs)]

    def __len__(self) -> int:
        return len(self.orders) * self.per_epoch

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        epoch, batch = divmod(index, self.per_epoch)
        chosen = self.orders[epoch][batch * self.batch_size : (batch + 1) * self.batch_size]
        return self.x[chosen], self.y[chosen]
