"""Two clients with a parabola each, whose rounds are worked out by hand, and rounds of anything."""

import keras
import numpy as np

from keras_sam import federated

# Of `x w` with the squared loss: w'Aw / 2 for A = diag(2, 0), and for A = diag(0, 4).
CLIENTS = [np.array([[1.0, 0.0]]), np.array([[0.0, np.sqrt(2)]])]
STEPS, RATE = 2, 0.1


def parabola(weights=(3.0, 2.0)):
    """A model of two weights, of float64 where that is the policy."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
    model.set_weights([np.array(weights).reshape(2, 1)])
    return model


def played(algorithm, rounds, clients=CLIENTS, trainer=None, server=None, **options):
    """Plays rounds of full batches with all clients; each round's clients' and server's weights."""
    model = parabola()
    trainer = trainer or federated.LocalTrainer(
        model, "mse", algorithm, epochs=STEPS, batch_size=8, **options
    )
    server = server or federated.Server(algorithm, model.get_weights(), [0], RATE)
    seen, found = {}, []
    for _ in range(rounds):
        task = server.task()
        updates = [
            trainer.train(task, x, np.zeros((len(x), 1)), client, seen.get(client))
            for client, x in enumerate(clients)
        ]
        seen = {client: list(task.weights) for client in range(len(clients))}
        server.aggregate(updates)
        found.append([*(u.weights[0].ravel() for u in updates), server.weights[0].ravel()])
    return found, server
