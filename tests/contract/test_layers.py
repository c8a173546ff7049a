"""Layers with state, without gradient or with weights that are none behave as in plain Keras."""

import functools

import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_sam
from tests import conformance
from tests.selection import each_method
from tests.toys import gradients_by_hand, mean_output, restore, values

RHO = 0.5


def data(rows=8, features=4, outputs=3):
    """Random regression data."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(rows, features)).astype("float32")
    return x, generator.normal(size=(rows, outputs)).astype("float32")


def network(*middle):
    """Dense, tanh, other layers, Dense."""
    hidden = layers.Dense(6, activation="tanh")
    return keras.Sequential([keras.Input((4,)), hidden, *middle, layers.Dense(3)])


def one_step(model, x, y, loss="mse", optimizer=None, **arguments):
    """Trains `model` for one SAM step; returns the SAMModel."""
    sam = keras_sam.SAMModel(model, **{"rho": RHO, **arguments})
    sam.compile(optimizer or keras.optimizers.SGD(0.1), loss=loss)
    sam.train_on_batch(x, y)
    return sam


def plain_step(model, x, y, optimizer=None):
    """Trains `model` for one step of plain Keras."""
    model.compile(optimizer or keras.optimizers.SGD(0.1), loss="mse")
    model.train_on_batch(x, y)


def assert_close(left, right, **tolerance):
    for a, b in zip(left, right, strict=True):
        np.testing.assert_allclose(a, b, **{"rtol": 1e-5, "atol": 1e-6, **tolerance})


def assert_step_by_hand(model, x, y, loss="mse"):
    """One SAM step moves the trainable weights along the gradient computed by hand, others not."""
    clean, perturbed = gradients_by_hand(model, x, y, loss, RHO)
    assert max(np.abs(a - b).max() for a, b in zip(clean, perturbed)) > 1e-3
    before = values(model.trainable_variables)
    fixed = values(model.non_trainable_variables)
    one_step(model, x, y, loss)
    moved = [start - 0.1 * gradient for start, gradient in zip(before, perturbed)]
    assert_close(values(model.trainable_variables), moved, atol=2e-6)
    return fixed


def batch_norm_network():
    keras.utils.set_random_seed(1)
    return network(layers.BatchNormalization(momentum=0.5), layers.Dropout(0.5, seed=1))


@functools.cache
def plain_statistics():
    """Non-trainable variables of the network above after a step of plain Keras."""
    model = batch_norm_network()
    plain_step(model, *data())
    return values(model.non_trainable_variables)


# Without bsam, which has no such.
@pytest.mark.parametrize("name", ["multistep", "delta_sam", "esam", "functional_sam"])
def test_regularised_weights_need_not_be_perturbed(name):
    """Keras asks the scope for each weight with a regulariser, whether it is placed or not."""
    dense = layers.Dense(3, kernel_regularizer="l2")
    model = keras.Sequential([keras.Input((4,)), dense, layers.Dense(1)])
    before = values(model.trainable_variables)
    sam = keras_sam.SAMModel(model, method=name, mask="biases")
    sam.compile("sgd", "mse")
    sam.fit(np.ones((8, 4)), np.ones((8, 1)), verbose=0)
    after = values(model.trainable_variables)
    assert all(np.isfinite(new).all() for new in after)
    assert not np.array_equal(after[0], before[0])


@pytest.mark.parametrize("name", each_method(but={"bsam", *conformance.NEVER_CLEAN}))
def test_batch_norm_statistics_are_those_of_one_clean_pass(name):
    model = batch_norm_network()
    options = {"sigma": 0.0} if name == "random_sam" else {}
    method = keras_sam.methods.get(name, rho=3.0, **options)
    one_step(model, *data(), rho=None, method=method)
    assert_close(values(model.non_trainable_variables), plain_statistics())


def test_batch_norm_statistics_of_micro_batches_are_those_of_clean_passes():
    x, y = data()
    model = network(layers.BatchNormalization(momentum=0.5))
    start = values(model.variables)
    model.compile(keras.optimizers.SGD(0.0), loss="mse")
    model.fit(x, y, batch_size=4, shuffle=False, verbose=0)
    expected = values(model.non_trainable_variables)
    restore(model.variables, start)
    one_step(model, x, y, num_batch_splits=2)
    assert_close(values(model.non_trainable_variables), expected)


@pytest.mark.parametrize("num_batch_splits", [None, 2])
def test_frozen_layer(num_batch_splits):
    x, y = data()
    model = network(layers.BatchNormalization())
    model.layers[0].trainable = False
    frozen = values(model.layers[0].weights)
    if num_batch_splits is None:
        assert_step_by_hand(model, x, y)
    else:
        one_step(model, x, y, num_batch_splits=num_batch_splits)
    for left, right in zip(values(model.layers[0].weights), frozen):
        np.testing.assert_array_equal(left, right)


def test_partially_frozen_layer():
    x, y = data()
    model = network()
    model.layers[0].kernel.trainable = False
    fixed = assert_step_by_hand(model, x, y)
    np.testing.assert_array_equal(values([model.layers[0].kernel])[0], fixed[0])


def test_frozen_batch_norm_keeps_its_statistics():
    x, y = data()
    model = network(layers.BatchNormalization())
    model.layers[1].trainable = False
    before = values(model.layers[1].weights)
    assert_step_by_hand(model, x, y)
    assert_close(values(model.layers[1].weights), before, rtol=0, atol=0)


class WithUnused(layers.Layer):
    """Adds a bias; a second weight plays no part."""

    def build(self, input_shape):
        self.used = self.add_weight(shape=input_shape[-1:], name="used")
        self.unused = self.add_weight(shape=(2,), initializer="ones", name="unused")

    def call(self, x):
        return x + self.used


def train_with_unused(train, method=None):
    """The used and the unused weight after a step of AdamW, whose decay needs no gradient."""
    keras.utils.set_random_seed(1)
    model = network(WithUnused(), layers.LayerNormalization())
    train(
        conformance.suited(method, model),
        *data(),
        optimizer=keras.optimizers.AdamW(0.1, weight_decay=0.5),
    )
    return values([model.layers[1].used, model.layers[1].unused])


@functools.cache
def plainly_trained_with_unused():
    return train_with_unused(plain_step)


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
# bsam's prior pulls at a weight that the loss does not depend on.
@pytest.mark.parametrize("method", each_method(but={"bsam"}))
def test_unused_variable_is_treated_as_plain_keras_treats_it(method):
    used, unused = train_with_unused(functools.partial(one_step, method=method), method)
    np.testing.assert_allclose(unused, plainly_trained_with_unused()[1], rtol=1e-6)
    assert np.isfinite(used).all() and np.abs(used).max() > 0.01


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_unused_variable_of_micro_batches_stays():
    x, y = data()
    model = network(WithUnused())
    one_step(model, x, y, num_batch_splits=2)
    np.testing.assert_array_equal(values([model.layers[1].unused])[0], [1.0, 1.0])


def test_lora_perturbs_and_trains_the_low_rank_weights_alone():
    x, y = data()
    model = network()
    model.layers[0].enable_lora(2)
    model.layers[0].lora_kernel_b.assign(np.full((2, 6), 0.3, "float32"))
    (kernel,) = model.layers[0].non_trainable_variables
    before = values([kernel])[0]
    names = [variable.name for variable in model.trainable_variables]
    assert names.count("lora_kernel_a") == names.count("lora_kernel_b") == 1
    assert_step_by_hand(model, x, y)
    np.testing.assert_array_equal(values([kernel])[0], before)


def test_duplicate_rows_in_an_embedding():
    """Tokens (0, 0, 1) sum to s = 2 a + b, the loss is |s|^2 / 2: all is known in closed form."""
    table = np.array([[1.0, 2.0], [-1.0, 0.5], [3.0, 3.0]], "float32")
    inputs = keras.Input((3,), dtype="int32")
    embedding = layers.Embedding(3, 2, weights=[table])
    outputs = HalfSquare()(embedding(inputs))
    model = keras.Model(inputs, outputs)
    sam = one_step(model, np.array([[0, 0, 1]]), np.zeros((1, 1)), mean_output, log_sharpness=True)
    total = 2 * table[0] + table[1]
    total = total + RHO * np.sqrt(5) * total / np.linalg.norm(total)
    gradient = np.stack([2 * total, total, 0 * total])
    assert_close(values(model.trainable_variables), [table - 0.1 * gradient])
    assert float(sam.measurements[2].result()) == pytest.approx(RHO, rel=1e-6)


class HalfSquare(layers.Layer):
    """Half the squared norm of the sum over tokens."""

    def call(self, x):
        return ops.sum(ops.square(ops.sum(x, axis=1)), axis=-1, keepdims=True) / 2
