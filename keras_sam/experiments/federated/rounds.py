"""One federated training in this process: the server, its clients and their data."""

from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_sam import datasets, models
from keras_sam.experiments.federated.contenders import Contender
from keras_sam.federated import (
    CyclicAveraging,
    LocalTrainer,
    Server,
    dirichlet_parts,
    trainable_positions,
)

DATA = ("dataset", "data_dir", "num_train", "num_test")
Line = dict[str, float]


class Federation:
    """The server, its clients and their data.

    Args:
        data: A `Dataset` of prepared images.
        contender: The `Contender`.
        trainer: The `LocalTrainer` of all clients, which any seed may have used before.
        seed: Integer, of the split, the weights, the choice of clients and the batches.
        options: Dictionary of the app's flags.
    """

    def __init__(
        self,
        data: datasets.Dataset,
        contender: Contender,
        trainer: LocalTrainer,
        seed: int,
        options: dict[str, Any],
    ):
        self.data, self.seed, self.options = data, seed, options
        self.parts = split(data, seed, options)
        self.trainer = trainer
        self.server = server(network(data, seed, options), contender, seed, options)
        self.seen: dict[int, list[np.ndarray]] = {}

    def play(self) -> Line:
        """Makes a round and evaluates its outcome."""
        number, task, updates = self.server.round, self.server.task(), []
        share = self.options["fraction"] * len(self.parts)
        rng = np.random.default_rng((self.seed, number))
        chosen = rng.choice(len(self.parts), max(round(share), 1), replace=False)
        for client in map(int, np.sort(chosen)):
            part, seen = self.parts[client], self.seen.get(client)
            x, y = self.data.x_train[part], self.data.y_train[part]
            updates.append(self.trainer.train(task, x, y, client, seen))
            if self.trainer.algorithm.looks_back:
                self.seen[client] = list(task.weights)
        self.server.aggregate(updates)
        line = {
            "round": self.server.round,
            "learning_rate": task.learning_rate,
            "loss": float(np.mean([update.loss for update in updates])),
            "accuracy": accuracy(self.trainer.network, self.server.weights, self.data),
        }
        if self.server.average is not None:
            line["average_accuracy"] = accuracy(
                self.trainer.network, self.server.average, self.data
            )
        return line

    def save(self, path: Path) -> None:
        """Keeps the server, and what the clients keep of its weights."""
        seen = {
            f"seen_{client}_{place}": array
            for client, weights in self.seen.items()
            for place, array in enumerate(weights)
        }
        self.server.save(path, **seen)

    def load(self, path: Path) -> None:
        """Counterpart of `save`."""
        found = self.server.load(path)
        for client in range(len(self.parts)):
            if f"seen_{client}_0" in found:
                places = range(len(self.server.weights))
                self.seen[client] = [found[f"seen_{client}_{place}"] for place in places]


def accuracy(model: keras.Model, weights: list[np.ndarray], data: datasets.Dataset) -> float:
    """Percentage of the test images that a network reads right with these weights."""
    model.set_weights(weights)
    logits = model.predict(data.x_test, batch_size=500, verbose=0)
    return 100 * float(np.mean(logits.argmax(-1) == data.y_test))


def split(data: datasets.Dataset, seed: int, options: dict[str, Any]) -> list[np.ndarray]:
    """The clients' parts of the training images, as indices."""
    return dirichlet_parts(
        data.y_train, options["clients"], options["alpha"], seed, options["least"]
    )


def network(data: datasets.Dataset, seed: int, options: dict[str, Any]) -> keras.Model:
    """The network that all train, with a seed's weights."""
    for _ in range(2):  # What the first one of a process imports may draw random numbers.
        keras.utils.set_random_seed(seed)
        made = models.get(options["model"], data.input_shape, data.num_classes)
    return made


def trainer(data: datasets.Dataset, contender: Contender, options: dict[str, Any]) -> LocalTrainer:
    """What trains for the clients."""
    return LocalTrainer(
        network(data, 0, options),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        contender.algorithm,
        contender.method,
        options["epochs"],
        options["batch_size"],
        options["beta"],
        {
            "weight_decay": options["weight_decay"] or None,
            "global_clipnorm": options["clipnorm"] or None,
        },
        **contender.options,
    )


def server(model: keras.Model, contender: Contender, seed: int, options: dict[str, Any]) -> Server:
    """The server of a model's weights."""
    averaging = None
    if contender.averages:
        start = round(options["swa_start"] * options["rounds"])
        averaging = CyclicAveraging(start, options["swa_cycle"])
    return Server(
        contender.algorithm,
        model.get_weights(),
        trainable_positions(model),
        options["learning_rate"],
        options["decay"],
        options["server_learning_rate"],
        options["weighted"],
        averaging,
        seed,
    )


def prepared(options: dict[str, Any]) -> datasets.Dataset:
    """The images of the flags, as the network takes them.

    Raises:
        ValueError: If the flags ask for what is not there.
        OSError: If files are missing.
    """
    data = datasets.get(*(options[name] for name in DATA))
    x_train, x_test = data.prepare(data.x_train[:]), data.prepare(data.x_test[:])
    return datasets.Dataset(x_train, data.y_train, x_test, data.y_test, data.num_classes, data.name)
