"""The app's training as apps of Flower's, whose run configuration has the app's flags."""

import functools
import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from keras_sam import datasets
from keras_sam.experiments.federated import keeping, rounds
from keras_sam.experiments.federated.contenders import Contender, contenders
from keras_sam.experiments.flags import command_line
from keras_sam.experiments.flags.checking import whole_numbers
from keras_sam.experiments.flags.federated import FLAGS
from keras_sam.federated import LocalTrainer

NEEDED = 2  # Clients, before the first round.
Asked = tuple[dict[str, Any], Contender, int]


def asked(config: dict[str, Any]) -> Asked:
    """The options, the algorithm and the seed of a run's configuration.

    Args:
        config: Dictionary from names of the app's flags to values; `compare` and `seeds` have one.

    Raises:
        ValueError: If a name is no flag's, or a value is wrong.
    """
    given = [f"--{name}={value}" for name, value in config.items()]
    options = command_line.read(FLAGS, ["federated.py", *given])
    compared = contenders(options["compare"], options["method"])
    seeds = whole_numbers("--seeds", options["seeds"])
    if len(compared) > 1 or len(seeds) > 1:
        raise ValueError(
            "A run of Flower's has one algorithm and one seed. "
            f"Received: compare={','.join(options['compare'])}, seeds={','.join(options['seeds'])}"
        )
    return options, compared[0], seeds[0]


def serve(grid: Any, context: Any) -> None:
    """Plays the rounds of a run; a mistake of the user's ends it in one line.

    Args:
        grid: Flower's `Grid`.
        context: Flower's `Context`.
    """
    try:
        _serve(grid, context)
    except (ValueError, OSError) as error:
        logging.getLogger("flwr").error("%s", " ".join(str(error).split()))
        sys.exit(1)


def _serve(grid: Any, context: Any) -> None:
    from keras_sam.federated.flower import FlowerStrategy, flwr  # Or what is missing.

    options, contender, seed = asked(context.run_config)
    data = rounds.prepared(options)
    network = rounds.network(data, seed, options)
    server = rounds.server(network, contender, seed, options)
    folder = Path(options["workdir"], contender.folder, f"seed_{seed}")
    folder.mkdir(parents=True, exist_ok=True)
    strategy = FlowerStrategy(server, options["fraction"], NEEDED, path=folder / keeping.STATE)
    began = time.perf_counter()

    def evaluate(number: int, arrays: Any) -> Any:
        accuracy = rounds.accuracy(network, arrays.to_numpy_ndarrays(), data)
        line = {"round": number, "accuracy": accuracy, "seconds": time.perf_counter() - began}
        with (folder / keeping.METRICS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        return flwr.MetricRecord({"accuracy": accuracy})

    strategy.start(grid, num_rounds=options["rounds"], evaluate_fn=evaluate)


def trainer(context: Any) -> LocalTrainer:
    """What trains for the clients of a process.

    Args:
        context: Flower's `Context`.
    """
    options, contender, _ = asked(context.run_config)
    return rounds.trainer(_prepared(options), contender, options)


def data(context: Any) -> tuple[np.ndarray, np.ndarray]:
    """A client's examples: the part of its `partition-id`, of `num-partitions` parts.

    Args:
        context: Flower's `Context`.

    Raises:
        ValueError: If the client is of no part.
    """
    options, _, seed = asked(context.run_config)
    options["clients"] = int(context.node_config.get("num-partitions", 0))
    client = int(context.node_config.get("partition-id", -1))
    if not 0 <= client < options["clients"]:
        raise ValueError(
            'Each client has a part: --node-config "partition-id=0 num-partitions=2", and so on. '
            f"Received: partition-id={client}, num-partitions={options['clients']}"
        )
    images = _prepared(options)
    part = rounds.split(images, seed, options)[client]
    return images.x_train[part], images.y_train[part]


def _prepared(options: dict[str, Any]) -> datasets.Dataset:
    return _once(tuple((name, options[name]) for name in rounds.DATA))


@functools.lru_cache(maxsize=1)
def _once(options: tuple[tuple[str, Any], ...]) -> datasets.Dataset:
    return rounds.prepared(dict(options))
