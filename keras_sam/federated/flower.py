"""The server and the clients as a strategy and an app of Flower's (https://flower.ai), 1.42.

Flower tells its makers about each start, and looks for news, unless the variables say otherwise:
they do, where the user has not set them, in every process that imports this before Flower.
"""

import os
import random
import time
from collections.abc import Callable, Iterable
from logging import INFO, WARNING
from pathlib import Path
from typing import Any

import numpy as np

from keras_sam.checks import fraction, import_extra, positive, positive_integer
from keras_sam.federated.exchange import Task, Update
from keras_sam.federated.local_training import LocalTrainer
from keras_sam.federated.server import Server

os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")
os.environ.setdefault("FLWR_DISABLE_UPDATE_CHECK", "1")

EXTRA = ("flwr", "federated")
flwr = import_extra("flwr.app", *EXTRA)
clientapp = import_extra("flwr.clientapp", *EXTRA)
strategies = import_extra("flwr.serverapp.strategy", *EXTRA)
log = import_extra("flwr.supercore", *EXTRA).log

WEIGHTS, MOMENTUM, CONFIG, METRICS = "weights", "momentum", "task", "metrics"
LAST_SEEN = "last_seen"
RAISED = 2  # Flower's code of an error of the client's own.
POLL = 0.5  # Seconds.


class FlowerStrategy(strategies.Strategy):  # type: ignore[name-defined]
    """A `Server` as a strategy of Flower's: `strategy.start(grid, num_rounds=…)` plays the rounds.

    A client that answers with an error, or not in time, is left out of its round with a line in
    the log; a round without any answer ends the training. With a `path`, the same strategy made
    again goes on after the last whole round, and `num_rounds` counts those before as well. What a
    client keeps (FedLESAM) is gone with Flower's run: its next round is as its first one.

    Args:
        server: The `Server`.
        fraction_train: Float above 0 and at most 1, the share of the connected clients in each
            round. Defaults to `1.0`.
        min_nodes: Positive integer, how many clients have to be connected for the first round;
            after that one is enough. Defaults to `2`.
        wait: Float above 0, seconds to wait for them. Defaults to `60`.
        path: Path of an `.npz` file for the server's state after each round. Defaults to `None`.

    Raises:
        ValueError: If an argument is outside its range, or the file is of another training.
        ImportError: If Flower is missing.
    """

    def __init__(
        self,
        server: Server,
        fraction_train: float = 1.0,
        min_nodes: int = 2,
        wait: float = 60.0,
        path: str | Path | None = None,
    ):
        self.server = server
        self.fraction_train = fraction("fraction_train", fraction_train)
        self.min_nodes = positive_integer("min_nodes", min_nodes)
        self.wait = positive("wait", wait)
        self.path = None if path is None else Path(path)
        self.asked = 0
        if self.path is not None and self.path.exists():
            server.load(self.path)

    def start(
        self,
        grid: Any,
        initial_arrays: Any = None,
        num_rounds: int = 3,
        timeout: float = 600.0,
        train_config: Any = None,
        evaluate_config: Any = None,
        evaluate_fn: Callable[[int, Any], Any] | None = None,
    ) -> Any:
        """As Flower's, from the server's weights, for the rounds that are missing.

        Args:
            grid: Flower's `Grid`.
            initial_arrays: Ignored: the server has its weights.
            num_rounds: Integer, how many rounds there are to be in all. Defaults to `3`.
            timeout: Float, seconds to wait for the clients of a round. Defaults to `600`.
            train_config: Ignored: the `Task` says all.
            evaluate_config: Ignored.
            evaluate_fn: Function of a round's number and the server's arrays that returns Flower's
                `MetricRecord`. Defaults to `None`.

        Returns:
            Flower's `Result`.
        """
        before = self.server.round
        if before:
            log(INFO, "Going on after round %s", before)

        def evaluate(number: int, arrays: Any) -> Any:
            is_known = before and not number
            return evaluate_fn(before + number, arrays) if evaluate_fn and not is_known else None

        rounds = max(num_rounds - before, 0)
        arrays = flwr.ArrayRecord(self.server.weights)
        return super().start(grid, arrays, rounds, timeout, evaluate_fn=evaluate)

    def summary(self) -> None:
        """Logs what is trained, and how."""
        server = self.server
        log(INFO, "\t├──> %s, clients' rate %s", server.algorithm.name, server.learning_rate)
        log(INFO, "\t└──> fraction of clients %s", self.fraction_train)

    def configure_train(
        self, server_round: int, arrays: Any, config: Any, grid: Any
    ) -> Iterable[Any]:
        """The messages of a round: the server's `Task` to a share of the clients."""
        del server_round, arrays, config  # The server knows them.
        nodes = self._connected(grid)
        count = max(round(self.fraction_train * len(nodes)), 1)
        drawn = random.Random(f"{self.server.seed} {self.server.round}").sample(nodes, count)
        content = packed_task(self.server.task())
        self.asked = len(drawn)
        return [
            flwr.Message(content=content, message_type=flwr.MessageType.TRAIN, dst_node_id=node)
            for node in sorted(drawn)
        ]

    def _connected(self, grid: Any) -> list[int]:
        """The clients that are there, once they are enough."""
        end, needed = time.monotonic() + self.wait, 1 if self.asked else self.min_nodes
        while len(nodes := sorted(grid.get_node_ids())) < needed:
            if time.monotonic() > end:
                raise TimeoutError(
                    f"{needed} clients must be connected within {self.wait:g} s: start "
                    "them, or lower min_nodes. "
                    f"Received: {len(nodes)} clients, in round {self.server.round + 1}"
                )
            time.sleep(POLL)
        return nodes

    def aggregate_train(self, server_round: int, replies: Iterable[Any]) -> tuple[Any, Any]:
        """The server's step along what the clients have sent."""
        replies = list(replies)
        failed = [reply for reply in replies if reply.has_error()]
        for reply in failed:
            reason = " ".join(str(reply.error.reason).split())
            log(WARNING, "Left out client %s: %s", reply.metadata.src_node_id, reason)
        if self.asked > len(replies):
            log(WARNING, "Left out %s clients without an answer", self.asked - len(replies))
        updates = [unpacked_update(reply.content) for reply in replies if not reply.has_error()]
        self.server.aggregate(updates)
        if self.path is not None:
            self.server.save(self.path)
        loss = float(np.mean([update.loss for update in updates]))
        metrics = flwr.MetricRecord({"loss": loss, "clients": len(updates)})
        return flwr.ArrayRecord(self.server.weights), metrics

    def configure_evaluate(
        self, server_round: int, arrays: Any, config: Any, grid: Any
    ) -> Iterable[Any]:
        """None: the server evaluates, with `evaluate_fn`."""
        return []

    def aggregate_evaluate(self, server_round: int, replies: Iterable[Any]) -> None:
        """Nothing: no client evaluates."""


def client_app(
    trainer: Callable[[Any], LocalTrainer],
    data: Callable[[Any], tuple[np.ndarray, np.ndarray]],
) -> Any:
    """A client for `FlowerStrategy`: an app of Flower's that trains with a `LocalTrainer`.

    It is known by its `partition-id`, a number that Flower's simulation gives it, and
    `flower-supernode --node-config "partition-id=0 num-partitions=2"` elsewhere.

    Args:
        trainer: Function of Flower's `Context` that returns the `LocalTrainer`. It is called once
            for the runs of a process, and its result used for all clients there.
        data: Function of Flower's `Context` that returns `(x, y)`, the client's own examples.

    Returns:
        Flower's `ClientApp`. What is wrong with a client is answered in one line.

    Raises:
        ImportError: If Flower is missing.
    """
    app, made = clientapp.ClientApp(), {}

    @app.train()
    def train(message: Any, context: Any) -> Any:
        try:
            if context.run_id not in made:
                made[context.run_id] = trainer(context)
            update = _trained(made[context.run_id], message, context, data(context))
        except (ValueError, OSError) as error:
            return flwr.Message(flwr.Error(RAISED, str(error)), reply_to=message)
        return flwr.Message(packed_update(update), reply_to=message)

    return app


def _trained(
    trainer: LocalTrainer, message: Any, context: Any, data: tuple[np.ndarray, np.ndarray]
) -> Update:
    task, kept = unpacked_task(message.content), context.state
    last_seen = kept[LAST_SEEN].to_numpy_ndarrays() if LAST_SEEN in kept else None
    client = int(context.node_config.get("partition-id", 0))
    update = trainer.train(task, *data, client, last_seen)
    if trainer.algorithm.looks_back:
        kept[LAST_SEEN] = message.content[WEIGHTS]
    return update


def packed_task(task: Task) -> Any:
    """A `Task` as records of Flower's."""
    config = {"round": task.round, "learning_rate": task.learning_rate, "seed": task.seed}
    records = {
        WEIGHTS: flwr.ArrayRecord(list(task.weights)),
        CONFIG: flwr.ConfigRecord(config),
    }
    if task.momentum is not None:
        records[MOMENTUM] = flwr.ArrayRecord(list(task.momentum))
    return flwr.RecordDict(records)


def unpacked_task(content: Any) -> Task:
    """Counterpart of `packed_task`."""
    momentum = content[MOMENTUM].to_numpy_ndarrays() if MOMENTUM in content else None
    weights = content[WEIGHTS].to_numpy_ndarrays()
    return Task(weights=weights, momentum=momentum, **dict(content[CONFIG]))


def packed_update(update: Update) -> Any:
    """An `Update` as records of Flower's."""
    numbers = {
        name: getattr(update, name) for name in ("num_examples", "num_steps", "client", "loss")
    }
    arrays = flwr.ArrayRecord(list(update.weights))
    return flwr.RecordDict({WEIGHTS: arrays, METRICS: flwr.MetricRecord(numbers)})


def unpacked_update(content: Any) -> Update:
    """Counterpart of `packed_update`."""
    return Update(content[WEIGHTS].to_numpy_ndarrays(), **dict(content[METRICS]))
