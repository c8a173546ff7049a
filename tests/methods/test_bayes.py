"""bSAM: its noise, its unnormalised step, its momentum and its precision."""

import json

import keras
import numpy as np
import pytest
from keras import ops

import keras_sam
from keras_sam import methods
from tests.methods import cubic, draws
from tests.toys import CURVATURE, NO_TARGET, mean_output, quadratic

START = np.array([3.0, 2.0])
A = np.array([1.0, 2.0])
NOISE = np.array([0.7, -1.3, 0.4])
SETTINGS = {
    "data_size": 50,
    "prior_precision": 20.0,
    "momentum": 0.8,
    "precision_decay": 0.6,
    "damping": 0.3,
    "initial_precision": 1.7,
}


class Reference:
    """Algorithm 1 in NumPy; `gradient_of(w, x)` for each of the micro-batches x."""

    def __init__(self, gradient_of, rho, noises, settings):
        self.gradient_of, self.rho, self.noises = gradient_of, rho, noises
        self.settings = settings
        self.m, self.s = 0.0, settings["initial_precision"]

    def __call__(self, w, micro_batches, t=None):
        size, b1, b2 = (self.settings[k] for k in ("data_size", "momentum", "precision_decay"))
        delta = self.settings["prior_precision"] / size
        perturbed, curvature = [], []
        for x, noise in zip(micro_batches, self.noises, strict=True):
            g = self.gradient_of(w + noise / np.sqrt(size * self.s), x)
            perturbed.append(self.gradient_of(w + self.rho * g / self.s, x))
            curvature.append(np.sqrt(self.s) * np.abs(g))
        self.m = b1 * self.m + (1 - b1) * (np.mean(perturbed, axis=0) + delta * w)
        direction = self.m / self.s
        target = np.mean(curvature, axis=0) + self.settings["damping"] + delta
        self.s = b2 * self.s + (1 - b2) * target
        return direction


CHANGES = [("momentum", 0), ("precision_decay", 0), ("prior_precision", 0), ("data_size", 5)]


@pytest.mark.parametrize("changed", [*CHANGES, ("damping", 0.1)])
def test_is_algorithm_1(monkeypatch, changed):
    settings = {**SETTINGS, **dict([changed])}
    draws.fix(monkeypatch, NOISE[:2], NOISE[2:])
    reference = Reference(cubic.gradient, 0.2, [NOISE], settings)
    expected = cubic.descended(lambda w, x, t: reference(w, [x]), batches=cubic.BATCHES[:4])
    method = methods.BSAM(0.2, **settings)
    weights, sam = cubic.trained(method, batches=cubic.BATCHES[:4])
    cubic.assert_same(weights, expected)
    np.testing.assert_allclose(cubic.flat(sam.memory.state["precision"]), reference.s, rtol=1e-5)
    np.testing.assert_allclose(
        cubic.flat(sam.memory.state["momentum_mean"]), reference.m, rtol=1e-4
    )


@pytest.mark.parametrize("steps", [1, 3])
def test_micro_batches_are_averaged(monkeypatch, steps):
    rows = np.array([[2.0, -1.0], [0.5, 4.0]], "float32")
    noises = np.array([[0.7, -1.3], [-0.4, 0.6]])
    draws.fix(monkeypatch, *noises)
    reference = Reference(np.multiply, 0.2, noises, SETTINGS)
    expected = START
    for _ in range(steps):
        expected = expected - 0.1 * reference(expected, rows.astype("float64"))
    method = methods.BSAM(0.2, **SETTINGS)
    sam = keras_sam.SAMModel(quadratic(), method=method, num_batch_splits=2)
    sam.compile(keras.optimizers.SGD(0.1), loss=mean_output)
    sam.fit(rows, np.zeros((2, 1)), batch_size=2, shuffle=False, epochs=steps, verbose=0)
    np.testing.assert_allclose(cubic.flat([sam.base_model.kernel]), expected, atol=1e-5)
    np.testing.assert_allclose(cubic.flat(sam.memory.state["precision"]), reference.s, rtol=1e-5)


# Precision that stays at 1: the method is then SAM without a norm, and with rho = 0 momentum.
FIXED = {"precision_decay": 1 - 1e-12, "prior_precision": 0.0}


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("prior", [0.0, 500.0])
def test_without_radius_and_noise_is_momentum_with_decay(monkeypatch, momentum, prior):
    """Keras's own momentum, of rate `lr (1 - b1)`, on the loss with `prior / 2N ||w||^2` more."""
    draws.fix(monkeypatch, [0.0, 0.0], [0.0])
    options = {**FIXED, "momentum": momentum, "prior_precision": prior, "data_size": 1000}
    velocity, decay = np.zeros(3), prior / 1000

    def reference(w, x, t):
        velocity[:] = momentum * velocity + (1 - momentum) * (cubic.gradient(w, x) + decay * w)
        return velocity

    found, _ = cubic.trained(methods.BSAM(0.0, **options))
    cubic.assert_same(found, cubic.descended(reference))
    if prior == 0:
        keras_sgd = keras.optimizers.SGD(0.1 * (1 - momentum), momentum=momentum)
        cubic.assert_same(found, cubic.trained(None, keras_sgd)[0], atol=1e-6)


@pytest.mark.parametrize("scale", [1.0, 2.0])
@pytest.mark.parametrize("precision", [1.0, 4.0])
def test_perturbation_grows_with_the_gradient(monkeypatch, scale, precision):
    draws.fix(monkeypatch, [0.0, 0.0])
    method = methods.BSAM(0.1, **FIXED, momentum=0.0, initial_precision=precision)
    sam = keras_sam.SAMModel(quadratic(), method=method, log_sharpness=True)
    sam.compile(keras.optimizers.SGD(0.1), loss=mean_output)
    logs = sam.fit(scale * CURVATURE, NO_TARGET, batch_size=4, verbose=0).history
    length = 0.1 * scale * 5 / precision
    np.testing.assert_allclose(logs["perturbation_norm"], length, rtol=1e-5)
    expected = START - 0.1 * scale * A * (START + length * A * START / 5) / precision
    np.testing.assert_allclose(cubic.flat([sam.base_model.kernel]), expected, atol=1e-5)


def test_noise_is_that_of_the_posterior():
    """Variance `1 / (N s)`, independent for each weight."""
    model = keras.Sequential([keras.Input((20_000,)), keras.layers.Dense(2, use_bias=False)])
    ascent = methods.BSAM(data_size=100).ascent
    precision = [ops.convert_to_tensor(np.tile([1.0, 4.0], (20_000, 1)).astype("float32"))]

    def origin(oracle, context):
        context.state = {"precision": precision}
        return ascent.origin(oracle, context)

    (noise,) = draws.drawn_by(origin, model)
    np.testing.assert_allclose(noise.std(axis=0), (0.1, 0.05), rtol=0.03)
    assert abs(np.corrcoef(noise.T)[0, 1]) < 0.03


def compiled_with(optimizer):
    sam = keras_sam.SAMModel(quadratic(), method="bsam")
    sam.compile(optimizer, loss=mean_output)
    return sam.fit(CURVATURE, NO_TARGET, batch_size=4, verbose=0)


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: keras.optimizers.SGD(0.1, momentum=0.9),
        lambda: keras.optimizers.SGD(0.1, weight_decay=1e-4),
        lambda: keras.optimizers.Adam(0.1),
        lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.1)),
    ],
)
def test_another_update_on_top_is_refused(optimizer):
    with pytest.raises(ValueError, match=r"'bsam' makes the whole update.*Received: optimizer="):
        compiled_with(optimizer())


def test_plain_sgd_is_accepted():
    rate = keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.9)
    assert np.isfinite(compiled_with(keras.optimizers.SGD(rate)).history["loss"]).all()


def test_needs_both_of_its_parts_on_every_step():
    for part in ({"ascent": methods.BSAM().ascent}, {"descent": methods.BSAM().descent}):
        with pytest.raises(ValueError, match="work only with each other"):
            methods.Method(**part)
    with pytest.raises(ValueError, match="acts on every step"):
        methods.Method(methods.BSAM().ascent, methods.BSAM().descent, every=2)


def test_settings_are_saved():
    config = json.loads(json.dumps(methods.serialize(methods.BSAM(0.2, **SETTINGS))))
    loaded = methods.deserialize(config)
    assert loaded.descent.get_config() == SETTINGS
    assert loaded.ascent.get_config() == {"data_size": 50, "initial_precision": 1.7}
