"""The same rounds by Flower's messages: its strategy and its client app, in one process."""

import logging

import numpy as np
import pytest

from keras_sam import federated

from .rounds import CLIENTS, RATE, STEPS, parabola, played

pytest.importorskip("flwr", reason="Flower is not installed")
pytestmark = pytest.mark.once

from flwr.app import Context, RecordDict  # noqa: E402
from flwr.serverapp import Grid  # noqa: E402
from flwr.supercore.task_identity import TaskIdentity  # noqa: E402


class GridHere(Grid):
    """Flower's way to the clients, without a process between; the dead ones do not answer."""

    run = None

    def __init__(self, app, clients, dead=()):
        TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = 1, 1, 1
        self.app, self.dead = app, dead
        self.contexts = {
            100 - client: Context(1, 100 - client, {"partition-id": client}, RecordDict(), {})
            for client in range(clients)
        }

    def get_node_ids(self):
        return list(self.contexts)

    def send_and_receive(self, messages, *, timeout=None):
        nodes = {message.metadata.dst_node_id: message for message in messages}
        return [
            self.app(message, self.contexts[node])
            for node, message in nodes.items()
            if self.contexts[node].node_config["partition-id"] not in self.dead
        ]

    def set_run(self, run):
        raise NotImplementedError

    create_message = push_messages = pull_messages = set_run


def app_of(algorithm, clients=CLIENTS, **options):
    def data(context):
        x = clients[context.node_config["partition-id"]]
        return x, np.zeros((len(x), 1))

    def trainer(context):
        options.setdefault("epochs", STEPS)
        return federated.LocalTrainer(parabola(), "mse", algorithm, batch_size=8, **options)

    return federated.client_app(trainer, data)


def server_of(algorithm):
    return federated.Server(algorithm, parabola().get_weights(), [0], RATE)


@pytest.mark.parametrize("algorithm", federated.algorithms.names())
def test_flower_plays_the_same_rounds(algorithm):
    options = {} if algorithm == "fedavg" else {"rho": 0.5}
    _, expected = played(algorithm, 3, **options)
    strategy = federated.FlowerStrategy(server_of(algorithm))
    result = strategy.start(GridHere(app_of(algorithm, **options), 2), num_rounds=3)
    np.testing.assert_array_equal(strategy.server.weights[0], expected.weights[0])
    np.testing.assert_array_equal(result.arrays.to_numpy_ndarrays()[0], expected.weights[0])


def test_a_server_goes_on_where_it_stopped(tmp_path):
    path, rounds = tmp_path / "server.npz", []
    _, expected = played("mofedsam", 3)
    for total in (2, 3):
        strategy = federated.FlowerStrategy(server_of("mofedsam"), path=path)
        grid = GridHere(app_of("mofedsam"), 2)
        strategy.start(grid, num_rounds=total, evaluate_fn=lambda number, _: rounds.append(number))
    np.testing.assert_array_equal(strategy.server.weights[0], expected.weights[0])
    assert rounds == [0, 1, 2, 3]


def test_clients_that_fail_are_left_out(caplog):
    """One without examples says so, one that is dead does not: the round is that of the rest."""
    logger = logging.getLogger("flwr")
    logger.propagate = True
    clients = [CLIENTS[0], CLIENTS[1][:0], CLIENTS[1]]
    strategy = federated.FlowerStrategy(server_of("fedavg"))
    strategy.start(GridHere(app_of("fedavg", clients), 3, dead=[2]), num_rounds=1)
    np.testing.assert_allclose(strategy.server.weights[0].ravel(), (1.92, 2), rtol=1e-6)
    assert "Left out client 99: Client 1 must have at least one example" in caplog.text
    assert "Left out 1 clients without an answer" in caplog.text
    with pytest.raises(ValueError, match="Round 2 needs at least one client with finite weights"):
        strategy.start(GridHere(app_of("fedavg", clients), 3, dead=[0, 2]), num_rounds=2)


def test_too_few_clients_end_the_wait():
    strategy = federated.FlowerStrategy(server_of("fedavg"), min_nodes=3, wait=0.01)
    with pytest.raises(TimeoutError, match=r"^3 clients must be connected.*Received: 2 clients"):
        strategy.start(GridHere(app_of("fedavg"), 2), num_rounds=1)
