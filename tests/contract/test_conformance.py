"""What training asks of every method, on one table: methods by properties."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_sam
from tests import conformance
from tests.selection import each_method, representatives
from tests.toys import noisy_mlp, restore, values, vectors


def state(sam):
    """The variables of a method's state, without its random generator."""
    return [] if sam.memory is None else keras.tree.flatten(sam.memory.state)


def wrapped(name, model, **arguments):
    """`model` in a SAMModel whose method acts and rests within a few steps."""
    return keras_sam.SAMModel(model, method=conformance.short(name), **arguments)


@pytest.mark.parametrize("name", each_method())
def test_overflow_leaves_weights_and_state_alone(name):
    """Under `mixed_float16`; the steps before it have made them what they are."""
    x, y = vectors()
    keras.config.set_dtype_policy("mixed_float16")
    model = keras.Sequential(
        [keras.Input((4,)), layers.Dense(5, "tanh"), layers.LayerNormalization(), layers.Dense(1)]
    )
    keras.config.set_dtype_policy("float32")
    sam = wrapped(name, conformance.suited(name, model))
    sam.compile(conformance.optimizer(sam.method, 0.01, momentum=0.9), "mse", loss_weights=[0.01])
    for _ in range(3):
        sam.train_on_batch(x, y)
    kept = [*model.trainable_variables, *state(sam)]
    before = values(kept)
    assert np.all([np.isfinite(value).all() for value in before])
    assert {v.dtype for v in kept} == {"float32"}
    assert int(sam.optimizer.iterations) == 3
    scale = float(sam.optimizer.scale_loss(1.0))
    sam.train_on_batch(x, y * 1e30)
    for old, new in zip(before, values(kept), strict=True):
        np.testing.assert_array_equal(new, old)
    assert int(sam.optimizer.iterations) == 3
    assert float(sam.optimizer.scale_loss(1.0)) == scale / 2


@pytest.mark.parametrize("name", each_method(but={*conformance.NOT_IN_PARTS, "sam_on"}))
def test_two_equal_micro_batches_are_one_batch(name):
    x, y = vectors(4)
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((4,)), layers.Dense(5, "tanh"), layers.Dense(1)])
    start, ends = values(model.variables), []
    for splits, copies in ((None, 1), (2, 2)):
        restore(model.variables, start)
        sam = wrapped(name, model, num_batch_splits=splits)
        sam.compile(conformance.optimizer(sam.method, 0.05, momentum=0.9), "mse")
        for step in (1.0, 2.0, 3.0):
            batch = [np.concatenate([part * step] * copies) for part in (x, y)]
            sam.train_on_batch(*batch)
        ends.append(values([*model.variables, *state(sam)]))
    for whole, parts in zip(*ends, strict=True):
        np.testing.assert_allclose(parts, whole, rtol=2e-4, atol=2e-6)


def nested_model():
    """Two inputs by name, a table of embeddings, a frozen layer, and two outputs by name."""
    tokens = keras.Input((3,), dtype="int32", name="tokens")
    numbers = keras.Input((4,), name="numbers")
    frozen = layers.Dense(5, "tanh", trainable=False, name="frozen")
    joined = [layers.Flatten()(layers.Embedding(6, 2)(tokens)), frozen(numbers)]
    hidden = layers.BatchNormalization()(layers.Concatenate()(joined))
    hidden = layers.Dropout(0.2, seed=3)(hidden)
    outputs = {"left": layers.Dense(1)(hidden), "right": layers.Dense(2)(hidden)}
    return keras.Model({"tokens": tokens, "numbers": numbers}, outputs)


def nested_data(rows=10):
    """Inputs, targets and sample weights for `nested_model`."""
    generator = np.random.default_rng(0)
    x = {
        "tokens": generator.integers(0, 6, (rows, 3)),
        "numbers": generator.normal(size=(rows, 4)).astype("float32"),
    }
    y = {
        "left": generator.normal(size=(rows, 1)).astype("float32"),
        "right": generator.normal(size=(rows, 2)).astype("float32"),
    }
    return x, y, generator.uniform(0.5, 1.5, rows).astype("float32")


@pytest.mark.parametrize("name", each_method())
def test_nested_data_frozen_layers_and_an_uneven_last_batch(name):
    x, y, weight = nested_data()
    model = conformance.suited(name, nested_model())
    frozen = values(model.get_layer("frozen").variables)
    before = values(model.trainable_variables)
    sam = wrapped(name, model, log_sharpness=True)
    losses = {"left": "mse", "right": "mae"}
    optimizer = conformance.optimizer(sam.method, 0.05, momentum=0.9, clipnorm=1.0)
    sam.compile(
        optimizer, losses, metrics={"left": ["mae"]}, loss_weights={"left": 0.5, "right": 1.0}
    )
    logs = sam.fit(x, y, sample_weight=weight, batch_size=4, epochs=2, verbose=0).history
    assert np.isfinite([logs[key] for key in logs]).all()
    for old, new in zip(frozen, values(model.get_layer("frozen").variables), strict=True):
        np.testing.assert_array_equal(new, old)
    changes = [np.abs(a - b).max() for a, b in zip(before, values(model.trainable_variables))]
    assert min(changes) > 0
    assert model.predict(x, verbose=0)["right"].shape == (10, 2)


@pytest.mark.parametrize("name", sorted(representatives(keras_sam.methods.list())))
def test_several_steps_in_one_execution_are_the_same_steps(name, backend):
    if backend == "torch":
        pytest.skip("Keras refuses steps_per_execution above 1 on PyTorch")
    x, y = vectors(20)
    ends = []
    for steps in (1, 2):
        keras.utils.set_random_seed(5)
        model = noisy_mlp()
        sam = wrapped(name, model)
        optimizer = conformance.optimizer(sam.method, 0.02, momentum=0.9)
        sam.compile(optimizer, "mse", steps_per_execution=steps)
        sam.fit(x, y, batch_size=4, shuffle=False, verbose=0)
        ends.append(values([*model.variables, *state(sam)]))
    for single, together in zip(*ends, strict=True):
        np.testing.assert_allclose(together, single, rtol=2e-4, atol=2e-6)
