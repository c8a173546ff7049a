"""Layers whose variables are no ordinary weights: float8 scales, spectral norms, rematerialised."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_sam
from tests.toys import restore, values

RHO = 0.3
RATE = 0.1


def data(rows=8):
    """Random regression data."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(rows, 16)).astype("float32")
    return x, generator.normal(size=(rows, 16)).astype("float32")


def float8_model():
    """Two dense layers in float8, their scales warmed up by one plain step."""
    model = keras.Sequential(
        [keras.Input((16,)), layers.Dense(16, activation="tanh"), layers.Dense(16)]
    )
    for layer in model.layers:
        layer.quantize("float8")
    model.compile(keras.optimizers.SGD(RATE), loss="mse")
    model.train_on_batch(*data())
    return model


def scales_and_weights(model):
    """The trainable variables that are their own next value, and the others."""
    variables = model.trainable_variables
    return (
        [variable for variable in variables if variable.overwrite_with_gradient],
        [variable for variable in variables if not variable.overwrite_with_gradient],
    )


def sam_step(model, rho=RHO, batch=None, **arguments):
    sam = keras_sam.SAMModel(model, rho=rho, **arguments)
    sam.compile(keras.optimizers.SGD(RATE), loss="mse")
    sam.train_on_batch(*(batch or data()))
    return values(model.trainable_variables)


def plain_step(model, batch=None):
    model.compile(keras.optimizers.SGD(RATE), loss="mse")
    model.train_on_batch(*(batch or data()))
    return values(model.trainable_variables)


def assert_close(left, right, **tolerance):
    for a, b in zip(left, right, strict=True):
        np.testing.assert_allclose(a, b, **{"rtol": 1e-5, "atol": 1e-6, **tolerance})


def test_float8_without_radius_is_the_plain_step():
    model = float8_model()
    assert len(scales_and_weights(model)[0]) == 12
    start = values(model.variables)
    expected = plain_step(model)
    restore(model.variables, start)
    assert_close(sam_step(model, rho=0.0), expected)


def test_float8_variables_are_not_perturbed_and_get_the_value_of_the_last_pass():
    model = float8_model()
    start = values(model.variables)
    scales, weights = scales_and_weights(model)
    before = values(weights)
    plain_step(model)
    gradients = [(old - new) / RATE for old, new in zip(before, values(weights))]
    norm = np.sqrt(sum(np.sum(np.square(gradient)) for gradient in gradients))
    restore(model.variables, start)
    for weight, gradient in zip(weights, gradients):
        weight.assign_add(RHO / norm * gradient)
    plain_step(model)
    expected = values(scales)
    restore(model.variables, start)
    sam_step(model)
    assert_close(values(scales), expected, rtol=1e-3)
    assert any(np.abs(a - b).max() > 1e-3 for a, b in zip(values(weights), before))


def test_float8_variables_of_micro_batches_are_the_largest_not_the_sum():
    model = float8_model()
    start = values(model.variables)
    whole = sam_step(model)
    restore(model.variables, start)
    twice = [np.concatenate([part, part]) for part in data()]
    # The gradient's own scale follows the batch size; that of inputs and kernels does not.
    names = [variable.name for variable in model.trainable_variables]
    split = sam_step(model, batch=twice, num_batch_splits=2)
    assert sum("outputs_grad" not in name for name in names) == 12
    for name, left, right in zip(names, whole, split, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-3, atol=1e-5, err_msg=name)


def test_spectral_normalization_leaves_the_kernel_that_plain_keras_leaves():
    # Normalised on TensorFlow and PyTorch, so that inference sees it; as it was on JAX.
    kernels = []
    for wrap in (lambda model: model, lambda model: keras_sam.SAMModel(model, rho=5.0)):
        keras.utils.set_random_seed(3)
        base_model = keras.Sequential(
            [keras.Input((16,)), layers.SpectralNormalization(layers.Dense(16))]
        )
        model = wrap(base_model)
        model.compile(keras.optimizers.SGD(0.0), loss="mse")
        model.train_on_batch(*data())
        kernels.append(values(base_model.weights))
    assert_close(kernels[1], kernels[0])


@pytest.mark.parametrize("method", ["sam", "asam"])
def test_spectral_normalization_trains(method):
    model = keras.Sequential(
        [keras.Input((16,)), layers.SpectralNormalization(layers.Dense(16)), layers.Dense(16)]
    )
    sam = keras_sam.SAMModel(model, rho=0.05, method=method)
    sam.compile(keras.optimizers.SGD(0.5), loss="mse")
    x, y = data()
    before = values(model.layers[0].variables)
    losses = sam.fit(x, y, epochs=15, verbose=0).history["loss"]
    assert losses[-1] < 0.7 * losses[0]
    for old, new in zip(before, values(model.layers[0].variables)):
        assert np.abs(old - new).max() > 1e-4


@pytest.mark.parametrize("method", ["sam", "second_order"])
@pytest.mark.parametrize("mode", ["full", "activations"])
def test_rematerialised_layers_give_the_same_step(mode, method, backend):
    if (backend, mode) == ("tensorflow", "full"):
        pytest.skip("Keras cannot rematerialise a whole layer in a TensorFlow graph")
    if (backend, method) == ("tensorflow", "second_order"):
        pytest.skip("TensorFlow differentiates recomputed layers only once")
    # Keras cannot rematerialise BatchNorm on JAX; elsewhere its statistics must not suffer.
    normalization = "LayerNormalization" if backend == "jax" else "BatchNormalization"

    def step(scope_mode):
        keras.utils.set_random_seed(3)
        with keras.RematScope(mode=scope_mode):
            model = keras.Sequential(
                [
                    keras.Input((16,)),
                    layers.Dense(16, activation="gelu"),
                    getattr(layers, normalization)(),
                    layers.Dense(16),
                ]
            )
        sam_step(model, method=method)
        return values(model.weights)

    assert_close(step(mode), step(None))
