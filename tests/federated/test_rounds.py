"""Rounds with the numbers of a worked example, and what every round has to keep."""

import keras
import numpy as np
import pytest

from keras_sam import SAMModel, federated, methods

from .rounds import CLIENTS, RATE, parabola, played

# Clients' weights and the server's, after the first and the second round.
WORKED = {
    "fedavg": [
        [(1.92, 2), (3, 0.72), (2.46, 1.36)],
        [(1.5744, 1.36), (2.46, 0.4896), (2.0172, 0.9248)],
    ],
    "fedsam": [
        [(1.74, 2), (3, 0.4), (2.37, 1.2)],
        [(1.3368, 1.2), (2.37, 0.112), (1.8534, 0.656)],
    ],
    "mofedsam": [
        [(2.8614, 2), (3, 1.804), (2.9307, 1.902)],
        [(2.733098, 1.8138), (2.868330, 1.627247), (2.800714, 1.720524)],
    ],
    "fedasam": [[(1.436, 2), (3, 0.264), (2.218, 1.132)]],
    "fedlesam": [
        [(1.92, 2), (3, 0.72), (2.46, 1.36)],
        [(1.458323, 1.36), (2.46, 0.245027), (1.959162, 0.802513)],
    ],
}


def options_of(algorithm):
    return {} if algorithm == "fedavg" else {"rho": 0.5}


@pytest.fixture
def atol(backend):
    """How near numbers with six decimals come: JAX has been started without float64."""
    if backend == "jax":
        return 2e-6
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    return 6e-7


# Each kind of step on all backends: the server is NumPy's.
ONCE = [pytest.param(name, marks=pytest.mark.once) for name in ("fedavg", "fedasam")]


@pytest.mark.parametrize("algorithm", ["fedsam", "mofedsam", "fedlesam", *ONCE])
def test_the_worked_rounds_come_out(algorithm, atol):
    expected = WORKED[algorithm]
    found, _ = played(algorithm, len(expected), **options_of(algorithm))
    np.testing.assert_allclose(found, expected, rtol=0, atol=atol)


@pytest.mark.once
def test_the_momentum_of_the_worked_round(atol):
    _, server = played("mofedsam", 1, rho=0.5)
    np.testing.assert_allclose(server.momentum[0].ravel(), (0.3465, 0.49), rtol=0, atol=atol)


@pytest.mark.once
def test_clients_count_by_their_examples_where_asked(atol):
    clients = [np.repeat(CLIENTS[0], 3, axis=0), CLIENTS[1]]
    server = federated.Server("fedsam", parabola().get_weights(), [0], RATE, is_weighted=True)
    found, _ = played("fedsam", 1, clients, server=server, rho=0.5)
    np.testing.assert_allclose(found[0][-1], (2.055, 1.6), rtol=0, atol=atol)


@pytest.mark.once
def test_one_client_with_one_step_is_the_method_alone():
    x = np.array([[1.0, 0.5], [0.2, 1.0]])
    model = parabola()
    trainer = federated.LocalTrainer(model, "mse", "fedsam", "gsam", 1, 8, rho=0.5, alpha=0.1)
    found, _ = played("fedsam", 1, [x], trainer=trainer)
    alone = parabola()
    wrapped = SAMModel(alone, method=methods.GSAM(rho=0.5, alpha=0.1))
    wrapped.compile(keras.optimizers.SGD(RATE), "mse")
    wrapped.train_on_batch(x, np.zeros((2, 1)))
    np.testing.assert_allclose(found[0][-1], alone.get_weights()[0].ravel(), rtol=1e-6)


@pytest.mark.once
@pytest.mark.parametrize(
    "algorithm, options", [("fedsam", {"rho": 0.0}), ("fedlesam", {"rho": 0.0})]
)
def test_without_a_radius_it_is_fedavg(algorithm, options):
    np.testing.assert_array_equal(played(algorithm, 2, **options)[0], played("fedavg", 2)[0])


@pytest.mark.once
def test_all_of_the_gradient_is_fedsam():
    ours, reference = played("mofedsam", 2, beta=1.0, rho=0.5)[0], played("fedsam", 2, rho=0.5)[0]
    np.testing.assert_allclose(ours, reference, rtol=1e-6)


@pytest.mark.once
def test_a_round_leaves_nothing_to_the_next_client():
    """The optimizer's count, the method's memory and dropout are those of a fresh client."""
    model = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dropout(0.5), keras.layers.Dense(1, use_bias=False)]
    )
    trainer = federated.LocalTrainer(model, "mse", "fedsam", "friendly", 3, 1)
    task = federated.Server("fedsam", model.get_weights(), [0], RATE).task()
    x, y = np.random.default_rng(0).normal(size=(4, 2)), np.ones((4, 1))
    first = trainer.train(task, x, y, client=1)
    trainer.train(task, 5 * x, y, client=2)
    np.testing.assert_array_equal(trainer.train(task, x, y, client=1).weights, first.weights)
    assert first.num_steps == 12 and first.num_examples == 4


@pytest.mark.once
def test_counts_stay_and_statistics_are_averaged():
    weights = [np.zeros(2, "float32"), np.zeros(2, "float32"), np.array(3)]
    server = federated.Server("fedavg", weights, [0], server_learning_rate=0.5)
    ones = [np.ones(2, "float32"), np.ones(2, "float32"), np.array(9)]
    server.aggregate([federated.Update(ones, 1, 1), federated.Update(weights, 1, 1)])
    trained, statistics, count = server.weights
    assert trained[0] == 0.25 and statistics[0] == 0.5 and count == 3
    assert trained.dtype == "float32"


@pytest.mark.once
def test_the_mean_of_the_last_rounds():
    averaging = federated.CyclicAveraging(start=2, cycle=2, lowest=0.5)
    server = federated.Server("fedasam", [np.zeros(1)], [0], 0.1, averaging=averaging)
    rates = []
    for number in range(1, 7):
        rates.append(server.task().learning_rate)
        server.aggregate([federated.Update([np.array([float(number)])], 1, 1)])
    np.testing.assert_allclose(rates, [0.1, 0.1, 0.075, 0.05, 0.075, 0.05])
    assert server.average == [np.array([5.0])]  # After the fourth and the sixth round.


@pytest.mark.once
@pytest.mark.parametrize("algorithm", ["fedasam", "mofedsam"])
def test_a_server_goes_on_from_its_file(algorithm, tmp_path):
    def made():
        averaging = federated.CyclicAveraging(start=0, cycle=1)
        weights = parabola().get_weights()
        return federated.Server(algorithm, weights, [0], RATE, 0.9, averaging=averaging)

    whole = played(algorithm, 3, server=made())[1]
    half = played(algorithm, 2, server=made())[1]
    half.save(tmp_path / "server.npz")
    resumed = made()
    resumed.load(tmp_path / "server.npz")
    resumed = played(algorithm, 1, server=resumed)[1]
    for name, array in whole.state().items():
        np.testing.assert_array_equal(resumed.state()[name], array)
    assert [path.name for path in tmp_path.iterdir()] == ["server.npz"]


@pytest.mark.once
def test_wrong_arguments_are_refused_in_one_line(tmp_path):
    server = federated.Server("fedavg", [np.zeros(2)], [0])
    trainer = federated.LocalTrainer(parabola(), "mse", "fedavg")
    lost = federated.Update([np.full(2, np.nan)], 1, 1, client=4)
    damaged = tmp_path / "server.npz"
    damaged.write_bytes(b"no file of NumPy's")
    nothing = np.zeros((0, 2)), np.zeros((0, 1))
    for message, wrong in [
        (
            "Unknown federated algorithm: did you mean fedsam",
            lambda: federated.Server("fedsan", [], []),
        ),
        (
            "Client 3 must have at least one example",
            lambda: trainer.train(server.task(), *nothing, 3),
        ),
        ("at least one client with finite weights", lambda: server.aggregate([lost])),
        ("at least one client with finite weights", lambda: server.aggregate([])),
        ("the server's shapes", lambda: server.aggregate([federated.Update([np.ones(3)], 1, 1)])),
        ("server.npz must hold the state", lambda: server.load(damaged)),
        ("same model and algorithm", lambda: server.restore({"round": np.array(1)})),
        (
            "steps of fedavg are its own",
            lambda: federated.LocalTrainer(parabola(), "mse", "fedavg", "sam"),
        ),
        ("makes plain steps", lambda: federated.LocalTrainer(parabola(), "mse", "fedavg", rho=0.1)),
    ]:
        with pytest.raises(ValueError, match=rf"^[^\n]*{message}[^\n]*Received: [^\n]*$"):
            wrong()
    with pytest.warns(UserWarning, match="not finite: those of the clients 4"):
        server.aggregate([lost, federated.Update([np.ones(2)], 1, 1)])
    assert server.weights[0][0] == 1.0
