"""Gates of Shake-Shake and ShakeDrop: their values and their two kinds of gradient."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_sam
from keras_sam import backend, models
from keras_sam.training import true_gradient
from tests.models.deferred import built

SHAPE = (64, 2, 3, 4)
FLAGS = {
    "plain": (False, False),
    "plain tensor": (lambda: ops.convert_to_tensor(False), False),
    "true": (True, True),
    "true tensor": (lambda: ops.convert_to_tensor(True), True),
}


def values(tensor):
    return keras.ops.convert_to_numpy(tensor)


def uniform(seeds, low=0.0):
    """What a gate draws next."""
    shape = (SHAPE[0], 1, 1, 1)
    return values(keras.random.uniform(shape, low, 1.0, dtype="float32", seed=seeds))


def gradients(layer, inputs, flag):
    """Output and gradients of the sum of a layer's squared output by its inputs."""

    def loss(tensors):
        output = layer(tensors if len(tensors) > 1 else tensors[0], training=True)
        return ops.sum(ops.square(output)), output

    tensors = [ops.convert_to_tensor(array) for array in inputs]
    with true_gradient.asked(flag() if callable(flag) else flag):
        _, output, found = backend.value_and_gradient(loss, tensors)
    return values(output), [values(gradient) for gradient in found]


def arrays(count):
    generator = np.random.default_rng(0)
    return [generator.normal(size=SHAPE).astype("float32") for _ in range(count)]


@pytest.mark.parametrize("flag", FLAGS)
def test_shake_shake_mixes_with_one_gate_and_differentiates_with_another(flag):
    given, is_true = FLAGS[flag]
    a, b = arrays(2)
    output, found = gradients(models.ShakeShake(seed=3), (a, b), given)
    seeds = keras.random.SeedGenerator(3)
    alpha, drawn = uniform(seeds), uniform(seeds)
    beta = alpha if is_true else drawn
    np.testing.assert_allclose(output, alpha * a + (1 - alpha) * b, atol=1e-5)
    np.testing.assert_allclose(found[0], 2 * output * beta, atol=1e-4)
    np.testing.assert_allclose(found[1], 2 * output * (1 - beta), atol=1e-4)
    assert np.abs(alpha - drawn).max() > 0.5 and len(np.unique(alpha)) == SHAPE[0]


@pytest.mark.parametrize("flag", FLAGS)
def test_shakedrop_gates_all_but_the_survivors(flag):
    given, is_true = FLAGS[flag]
    (x,) = arrays(1)
    output, found = gradients(models.ShakeDrop(0.75, seed=3), (x,), given)
    seeds = keras.random.SeedGenerator(3)
    survives = uniform(seeds) < 0.75
    alpha, beta = uniform(seeds, -1.0), uniform(seeds)
    forward = np.where(survives, 1.0, alpha)
    backward = forward if is_true else np.where(survives, 1.0, beta)
    np.testing.assert_allclose(output, forward * x, atol=1e-5)
    np.testing.assert_allclose(found[0], 2 * output * backward, atol=1e-4)
    assert 0.55 < survives.mean() < 0.95 and alpha.min() < 0 < beta.min()


@pytest.mark.parametrize("kind", ["shake_shake", "shakedrop"])
def test_the_true_gradient_is_that_of_finite_differences(kind):
    seeded = {
        "shake_shake": lambda: models.ShakeShake(seed=5),
        "shakedrop": lambda: models.ShakeDrop(0.5, seed=5),
    }[kind]
    inputs = arrays(2 if kind == "shake_shake" else 1)
    direction = np.ones(SHAPE, "float32")

    def at(step):
        moved = [inputs[0] + step * direction, *inputs[1:]]
        output, found = gradients(seeded(), moved, True)
        return np.square(output, dtype="float64").sum(), found[0].sum()

    slope = (at(0.1)[0] - at(-0.1)[0]) / 0.2  # Exact, as the loss is quadratic.
    assert at(0.0)[1] == pytest.approx(slope, rel=1e-3)
    # Summed up, gates of their own may come to the same by chance; example by example they do not.
    true, independent = (gradients(seeded(), inputs, wanted)[1][0] for wanted in (True, False))
    assert np.abs(independent - true).max() > 0.1 * np.abs(true).max()


def test_inference_takes_the_mean_of_the_gates():
    a, b = arrays(2)
    shaken = models.ShakeShake()([a, b])
    np.testing.assert_allclose(values(shaken), (a + b) / 2, atol=1e-6)
    np.testing.assert_allclose(values(models.ShakeDrop(0.7)(a)), 0.7 * a, atol=1e-6)


def test_the_last_branch_survives_half_of_the_time_and_the_first_nearly_always():
    model = built(models.pyramidnet, 20, 8, (4, 4, 3), 2, shakedrop=True)
    gates = [layer for layer in model.layers if isinstance(layer, models.ShakeDrop)]
    assert [gate.survival for gate in gates] == pytest.approx([1 - i / 12 for i in range(1, 7)])


@pytest.mark.parametrize("layer", [models.ShakeShake(seed=4), models.ShakeDrop(0.3, seed=4)])
def test_configuration_travels(layer):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    assert again.get_config()["seed"] == 4


@keras.saving.register_keras_serializable(package="tests")
class Watched(models.ShakeShake):
    """Keeps the largest gate forward and backward of every pass in the order of the passes."""

    def gated(self, function, forward, backward):
        self.seen = [*getattr(self, "seen", ()), (forward, backward, true_gradient.wanted())]
        return super().gated(function, forward, backward)


def test_both_passes_of_a_step_see_the_same_gates_and_only_the_first_the_true_gradient():
    inputs = keras.Input((5,))
    branches = [keras.layers.Dense(3, name=name)(inputs) for name in "ab"]
    gate = Watched(seed=1)
    model = keras_sam.SAMModel(keras.Model(inputs, gate(branches)), rho=0.1)
    model.compile("sgd", "mse", run_eagerly=True, jit_compile=False)
    model.train_on_batch(np.ones((4, 5)), np.zeros((4, 3)))
    first, second = (seen for seen in gate.seen[-2:])
    for one, other in zip(first[:2], second[:2]):
        np.testing.assert_array_equal(values(one), values(other))
    assert [first[2], second[2]] == [True, False]
