"""RWP, ARWP and their mixtures: gradients at random weights nearby."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_sam
from keras_sam import descent, methods, policy
from keras_sam.ascent import HistoryNoiseAscent, RandomAscent
from tests.methods import draws
from tests.methods.slopes import RATE, Slopes, batches, curved, gradient, start, trained
from tests.methods.test_chance import wide
from tests.toys import CURVATURE, Quadratic, mean_output, one_step

F1 = np.array([3.0, 2.0])
A = np.array([1.0, 2.0])
Z = np.array([[1.0], [-1.0]])


@keras.saving.register_keras_serializable(package="tests")
class Column(Quadratic):
    """The quadratic, its weights a kernel of one filter."""

    def build(self, input_shape=None):
        self.kernel = self.add_weight(name="kernel", shape=(2, 1))
        self.kernel.assign(F1[:, None])
        self.built = True

    def call(self, x):
        return ops.sum(x * ops.square(self.kernel[:, 0]), axis=-1, keepdims=True) / 2


def column():
    model = Column()
    model.build()
    return model


# Method, and the gradients that the optimizer must get in the first steps, z = (1, -1).
FIXTURE = [
    (methods.RWP(0.05), [(3.180278, 3.639445)]),
    (methods.MRWP(0.05, lam=0.5), [(3.090139, 3.819722)]),
    (methods.MRWP(0.05, lam=1.0), [(3.180278, 3.639445)]),
    (methods.MRWP(0.05, lam=0.0), [(3.0, 4.0)]),
    (methods.ARWP(0.05, eta=0.1), [(3.180278, 3.639445), (2.767974, 3.100107)]),
    (methods.MARWP(0.05, eta=0.1), [(3.090139, 3.819722), (2.733965, 3.150098)]),
    (methods.MARWP(0.05, lam=1.0, eta=0.1), [(3.180278, 3.639445), (2.767974, 3.100107)]),
    (methods.RWP(0.0), [(3.0, 4.0)]),
    (methods.ARWP(0.0), [(3.0, 4.0)]),
    (methods.MARWP(0.0), [(3.0, 4.0)]),
]


@pytest.mark.parametrize(("method", "expected"), FIXTURE)
def test_gradients_of_the_first_steps(monkeypatch, method, expected):
    draws.fix(monkeypatch, Z)
    model, before = column(), F1
    sam = keras_sam.SAMModel(model, method=method)
    sam.compile(keras.optimizers.SGD(0.1), loss=mean_output)
    for step in expected:
        sam.train_on_batch(CURVATURE, np.zeros((4, 1)))
        after = ops.convert_to_numpy(model.kernel.value)[:, 0]
        np.testing.assert_allclose((before - after) / 0.1, step, atol=2e-5)
        before = after


SHAPES = ((2, 2), (3,))
ROWS = curved(size=7)
DRAW = [np.array([[0.3, -1.0], [0.8, 0.2]]), np.array([-0.4, 0.9, 1.3])]


def noise_around(w, rho):
    """Of a kernel, whose filters are its columns, and of a vector, which is one filter."""
    kernel, vector = w[:4].reshape(2, 2), w[4:]
    return [
        rho * DRAW[0] * np.linalg.norm(kernel, axis=0),
        rho * DRAW[1] * np.linalg.norm(vector),
    ]


def mixed(rows, rho, lam):
    w = start(SHAPES)
    for batch in batches(rows):
        noisy = gradient(w + np.concatenate([e.ravel() for e in noise_around(w, rho)]), batch)
        w = w - RATE * (lam * noisy + (1 - lam) * gradient(w, batch))
    return w


def with_history(rows, rho, eta, decay, lam=1.0):
    w, squares = start(SHAPES), np.zeros(7)
    for batch in batches(rows):
        kernel, vector = noise_around(w, rho)
        kernel = kernel / np.sqrt(1 + eta * squares[:4].reshape(2, 2).sum(axis=0))
        vector = vector / np.sqrt(1 + eta * squares[4:])
        g = gradient(w + np.concatenate([kernel.ravel(), vector]), batch)
        squares = decay * squares + g**2
        w = w - RATE * (lam * g + (1 - lam) * gradient(w, batch))
    return w


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (methods.RWP(0.2), mixed(ROWS, 0.2, 1.0)),
        (methods.MRWP(0.2, lam=0.3), mixed(ROWS, 0.2, 0.3)),
        (methods.ARWP(0.2, eta=0.0), mixed(ROWS, 0.2, 1.0)),
        (methods.ARWP(0.2, eta=0.5, decay=0.9), with_history(ROWS, 0.2, 0.5, 0.9)),
        (methods.ARWP(0.2), with_history(ROWS, 0.2, 0.1, 0.99)),
        (methods.MARWP(0.2, eta=0.0), mixed(ROWS, 0.2, 0.5)),
        (methods.MARWP(0.2, 0.3, eta=0.5, decay=0.9), with_history(ROWS, 0.2, 0.5, 0.9, 0.3)),
    ],
    ids=lambda part: getattr(part, "name", None),
)
def test_several_steps(monkeypatch, method, expected):
    draws.fix(monkeypatch, *DRAW)
    weights, _ = trained(method, ROWS, Slopes(SHAPES))
    np.testing.assert_allclose(weights, expected, atol=1e-5)


def test_noise_is_that_of_r_sam_and_as_large_as_its_filter():
    ascent = RandomAscent("filter", is_one_pass=True)
    first, _, second, _ = draws.drawn_by(ascent.origin, wide(), rho=0.1)
    for kernel in (first, second):
        np.testing.assert_allclose(kernel.std(axis=0), (0.1, 0.5), rtol=0.05)
    assert abs(np.corrcoef(first[:, 0], second[:, 0])[0, 1]) < 0.05


def test_the_mean_over_draws_is_the_clean_gradient_of_a_quadratic(monkeypatch):
    ends = []
    for sign in (1, -1):
        draws.fix(monkeypatch, sign * Z)
        ends.append(one_step(methods.RWP(0.3), model=column())[0][:, 0])
    np.testing.assert_allclose((F1 - np.mean(ends, axis=0)) / 0.1, A * F1, atol=1e-5)


def test_a_filter_of_zeros_is_not_perturbed():
    model = column()
    model.kernel.assign([[0.0], [0.0]])
    for name in ("rwp", "arwp", "m_rwp", "m_arwp"):
        method = methods.get(name, rho=0.5)
        weights, _ = one_step(method, model=model)
        np.testing.assert_array_equal(weights, 0)


@pytest.mark.once
def test_a_spike_does_not_stay_in_the_sum(monkeypatch):
    sam = keras_sam.SAMModel(column(), method=methods.ARWP(0.05))
    sam.compile(keras.optimizers.SGD(1e-30), loss=mean_output)
    for factor in (1.0, 1e25):
        sam.train_on_batch(factor * CURVATURE, np.zeros((4, 1)))
    (kept,) = sam.memory.state["square_sum"]
    found = ops.convert_to_numpy(kept.value)
    assert np.isfinite(found).all() and found.max() < 100


@pytest.mark.once
def test_what_does_not_go_with_one_pass_is_refused():
    ascent = RandomAscent("filter", is_one_pass=True)
    for parts in (
        {"ascent": ascent, "descent": descent.SurrogateGapGradient()},
        {"ascent": HistoryNoiseAscent(), "descent": descent.WeightedGradient()},
        {"ascent": ascent, "policy": policy.GradientNormPolicy()},
        {"ascent": ascent, "ascent_fraction": 0.5},
        {"ascent": HistoryNoiseAscent(is_one_pass=False), "descent": descent.ExtraGradient()},
    ):
        with pytest.raises(ValueError, match=r"(use|is for).*Received: .*(RandomA|HistoryN)"):
            methods.Method(**parts)
    with pytest.raises(ValueError, match=r"lam must be a number from 0 to 1.*Received: lam=1.5"):
        methods.MRWP(lam=1.5)
