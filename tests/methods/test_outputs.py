"""Functional-SAM: the perturbed Jacobian, the clean slopes; and Adam's scale in the ascent."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_sam
from keras_sam import ascent, descent, methods
from tests.methods.slopes import flat
from tests.toys import mlp, one_step, values, vectors

START = np.array([1.1, -0.7, 0.4])


@keras.saving.register_keras_serializable(package="tests")
class Product(keras.Model):
    """The output is `x w0 w1 + w2^2`; at first w is a given start."""

    def __init__(self, start=START):
        super().__init__()
        self.first = self.add_weight(name="kernel", shape=(2,))
        self.second = self.add_weight(name="other", shape=(1,))
        self.first.assign(start[:2])
        self.second.assign(start[2:])
        self.built = True

    def call(self, x):
        return x * self.first[0] * self.first[1] + ops.square(self.second)


@keras.saving.register_keras_serializable(package="tests")
def half_square(y_true, y_pred):
    """`(F - y)^2 / 2` of each example."""
    return ops.sum(ops.square(y_pred - y_true), axis=-1) / 2


def fitted(method, model, x, y, batch_size=None, **options):
    """All weights after one epoch of plain SGD, in float64."""
    sam = keras_sam.SAMModel(model, method=method)
    sam.compile(keras.optimizers.SGD(0.1), loss=half_square)
    sam.fit(x, y, batch_size or len(x), verbose=0, shuffle=False, **options)
    return flat(model.trainable_variables)


def precond(descent_part):
    return methods.Method(ascent.PreconditionedAscent(), descent_part, 0.5)


# One output F = w1 w2 with the loss F^2 / 2, at w = (3, 2), rho = 0.5.
FIXTURE = [
    (methods.FunctionalSAM(0.5), (14.496151, 19.664101)),
    (methods.FunctionalSAM(0.0), (12.0, 18.0)),
    (methods.SAM(0.5), (19.130474, 25.950583)),
    (methods.FunctionalSAM(0.5, preconditioned=True), (14.121320, 20.121320)),
    (precond(descent.PerturbedGradient()), (18.576048, 26.468815)),
]


@pytest.mark.parametrize(("method", "expected"), FIXTURE)
def test_gradient_of_one_step(method, expected):
    one, nothing = np.ones((2, 1)), np.zeros((2, 1))
    model = Product(np.array([3.0, 2.0, 0.0]))
    found = (np.array([3.0, 2.0]) - fitted(method, model, one, nothing)[:2]) / 0.1
    np.testing.assert_allclose(found, expected, rtol=2e-6)


@pytest.mark.once
def test_preconditioned_sam_of_the_quadratic():
    weights, _ = one_step(precond(descent.PerturbedGradient()))
    found = (np.array([3.0, 2.0]) - weights) / 0.1
    np.testing.assert_allclose(found, (3.353553, 4.707107), atol=1e-5)


X = np.random.default_rng(0).uniform(0.5, 2.0, (24, 1)).astype("float32")
Y = np.sin(3 * X)


def outputs(w, x):
    return x * w[0] * w[1] + w[2] ** 2


def pulled(w, x, slopes):
    """The Jacobian's transpose times the slopes."""
    return np.array([np.sum(slopes * x) * w[1], np.sum(slopes * x) * w[0], 2 * w[2] * slopes.sum()])


def functional(preconditioned, decay=0.999, rho=0.3):
    w, square = START, 0
    for t in range(6):
        x, y = (part[4 * t : 4 * t + 4, 0].astype("float64") for part in (X, Y))
        slopes = (outputs(w, x) - y) / 4
        g = way = pulled(w, x, slopes)
        if preconditioned:
            square = decay * square + (1 - decay) * g**2
            way = g / (np.sqrt(square / (1 - decay ** (t + 1))) + 1e-8)
        w = w - 0.1 * pulled(w + rho * way / np.linalg.norm(way), x, slopes)
    return w


@pytest.mark.parametrize("preconditioned", [False, True])
def test_several_steps(preconditioned):
    method = methods.FunctionalSAM(0.3, preconditioned)
    found = fitted(method, Product(), X, Y, 4)
    np.testing.assert_allclose(found, functional(preconditioned), atol=1e-5)
    assert np.abs(found - START).max() > 0.1


@pytest.mark.once
def test_of_a_network_that_is_linear_in_its_weights_is_the_optimizer():
    ends = []
    for method in (methods.FunctionalSAM(0.5), methods.SAM(0.0)):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
        ends.append(fitted(method, model, *vectors()))
    np.testing.assert_allclose(*ends, rtol=1e-6)


@pytest.mark.once
def test_of_a_loss_that_is_linear_in_the_outputs_is_sam():
    expected, _ = one_step(methods.SAM(0.5), steps=3)
    weights, _ = one_step(methods.FunctionalSAM(0.5), steps=3)
    np.testing.assert_allclose(weights, expected, rtol=1e-6)


def two_outputs(**regularised):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    hidden = layers.Dense(5, "tanh", **regularised)(inputs)
    return keras.Model(inputs, {"a": layers.Dense(1)(hidden), "b": layers.Dense(2)(hidden)})


@pytest.mark.once
def test_several_outputs_weights_and_the_value_of_the_loss():
    """The loss is the clean one's and the perturbed one's, whatever is differentiated."""
    x, y = vectors()
    y = {"a": y, "b": np.hstack([y, -y])}
    logs = []
    for name in ("functional_sam", "sam"):
        sam = keras_sam.SAMModel(two_outputs(), method=name, rho=0.4, log_sharpness=True)
        sam.compile(keras.optimizers.SGD(0.0), {"a": "mse", "b": "mae"}, loss_weights=[0.7, 0.3])
        fit = sam.fit(x, y, sample_weight=np.linspace(0.5, 1, 8), verbose=0)
        logs.append([fit.history[key][0] for key in ("loss", "sharpness", "grad_norm")])
    np.testing.assert_allclose(*logs, rtol=1e-5)


@pytest.mark.once
def test_regularisers_are_differentiated_at_the_perturbed_weights():
    """The outputs do not matter here: their slopes are zero."""
    ends = []
    for name in ("functional_sam", "sam"):
        model = two_outputs(kernel_regularizer=keras.regularizers.L2(0.1))
        sam = keras_sam.SAMModel(model, method=name, rho=0.4)
        sam.compile(keras.optimizers.SGD(0.1), {"a": "mse", "b": "mse"})
        x = vectors()[0]
        y = {"a": np.zeros((8, 1)), "b": np.zeros((8, 2))}
        sam.fit(x, y, sample_weight=np.zeros(8), verbose=0)
        ends.append(values(model.trainable_variables))
    for mine, sams in zip(*ends, strict=True):
        np.testing.assert_allclose(mine, sams, rtol=1e-6)


@pytest.mark.once
def test_the_difference_from_sam_is_the_losses_curvature():
    """For a small rho `(SAM - Functional) / rho` is `J' l'' J g / ||g||`; here l'' = 1 / 4."""
    x, y = X[:4], Y[:4]
    rho = 1e-2
    ends = [fitted(make(rho), Product(), x, y) for make in (methods.SAM, methods.FunctionalSAM)]
    found = (ends[1] - ends[0]) / 0.1 / rho
    rows = np.stack([x[:, 0] * START[1], x[:, 0] * START[0], np.full(4, 2 * START[2])], axis=1)
    g = rows.T @ (outputs(START, x[:, 0]) - y[:, 0]) / 4
    expected = rows.T @ rows @ g / np.linalg.norm(g) / 4
    np.testing.assert_allclose(found, expected, rtol=0.02, atol=5e-3)


@pytest.mark.once
def test_a_spike_does_not_stay_in_the_mean():
    sam = keras_sam.SAMModel(mlp(), method=methods.FunctionalSAM(preconditioned=True))
    sam.compile(keras.optimizers.SGD(1e-30), "mse")
    x, y = vectors()
    for factor in (1.0, 1e25):
        sam.train_on_batch(x, factor * y)
    assert all(np.isfinite(v).all() for v in values(sam.memory.state["square_mean"]))
