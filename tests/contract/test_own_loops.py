"""A step of one's own makes of a batch what `SAMModel` makes of it, and says what is wrong."""

import pathlib
import runpy

import keras
import numpy as np
import pytest
from keras import ops

import keras_sam
from tests import conformance
from tests.contract.own_loops import compiled_step
from tests.selection import each_method
from tests.toys import mlp, noisy_mlp, twin, values, vectors


def mean_loss(model, each=False):
    """Loss function of a model over `(x, y)`; the examples' losses where they are asked for."""

    def loss_fn(x, y, training=True):
        losses = keras.losses.mean_squared_error(y, model(x, training=training))
        return losses if each else ops.mean(losses)

    return loss_fn


eager = keras.backend.backend() == "tensorflow"  # What is compiled here is our own step.


def batches():
    """Three batches of one size."""
    x, y = vectors(8)
    return [(ops.convert_to_tensor(x), ops.convert_to_tensor(f * y)) for f in (1.0, 2.0, 0.5)]


def same_seed(own, sam):
    """Lets a `SAMStep` draw what a `SAMModel` draws."""
    if own.memory.seed is not None:
        own.memory.seed.state.assign(values([sam.memory.seed.state])[0])


@pytest.mark.parametrize("name", each_method(but=conformance.OF_OUTPUTS))
def test_makes_the_steps_of_fit(name):
    base, method = conformance.suited(name, noisy_mlp()), conformance.short(name)
    other = twin(base)
    keras.utils.set_random_seed(1)  # What a method draws at first: a mask, say.
    sam = keras_sam.SAMModel(base, method=method)
    sam.compile(conformance.optimizer(method, 0.05, momentum=0.5), "mse", run_eagerly=eager)
    keras.utils.set_random_seed(1)
    own = keras_sam.SAMStep(other, method)
    same_seed(own, sam)
    optimizer = conformance.optimizer(method, 0.05, momentum=0.5)
    step = compiled_step(own, optimizer, mean_loss(other, method.needs_example_losses))
    before = values(base.trainable_variables)
    for x, y in batches():
        sam.fit(x, y, batch_size=8, shuffle=False, verbose=0)
        step(x, y)
    for mine, theirs, start in zip(
        values(other.variables), values(base.variables), before + [None] * 99
    ):
        # Differences of gradients magnify rounding, more so on some processors' kernels.
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=5e-5)
        assert start is None or not np.array_equal(mine, start)


def test_the_auxiliary_output_and_the_statistics_are_of_the_first_evaluation():
    model, (x, y) = noisy_mlp(), batches()[0]
    seen = keras.metrics.Mean()
    calls = []

    def loss_fn():
        calls.append(1)
        predictions = model(x, training=True)
        loss = ops.mean(keras.losses.mean_squared_error(y, predictions))
        seen.update_state(loss)
        return loss, predictions

    counted = twin(model)
    counted(x, training=True)
    step = keras_sam.SAMStep(model)
    loss, gradients, predictions = step.gradients(loss_fn)
    assert len(calls) == 2 and len(gradients) == len(model.trainable_variables)
    np.testing.assert_allclose(
        float(loss), float(ops.mean(keras.losses.mean_squared_error(y, predictions))), rtol=1e-5
    )
    assert float(seen.result()) == pytest.approx(float(loss)) and float(seen.count) == 1
    for mine, once in zip(
        values(model.non_trainable_variables), values(counted.non_trainable_variables)
    ):
        np.testing.assert_allclose(mine, once, rtol=1e-5)


def test_state_is_saved_and_resumed_bit_for_bit(tmp_path):
    def trained(steps, resumed_from=None):
        keras.utils.set_random_seed(3)
        model = mlp()
        model.step = keras_sam.SAMStep(model.layers, "random_sam", sigma=0.1, every=2)
        optimizer = keras.optimizers.SGD(0.05, momentum=0.9)
        optimizer.build(model.trainable_variables)
        model.optimizers_variables = optimizer.variables
        step = compiled_step(model.step, optimizer, mean_loss(model))
        if resumed_from is not None:
            model.load_weights(resumed_from)
        for x, y in steps:
            step(x, y)
        return model

    first = trained(batches()[:2])
    first.save_weights(tmp_path / "state.weights.h5")
    resumed = trained(batches()[2:], tmp_path / "state.weights.h5")
    whole = trained(batches())
    for mine, theirs in zip(values(resumed.variables), values(whole.variables), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.once
def test_roles_of_bare_variables_come_from_their_names():
    model = noisy_mlp()
    ours = keras_sam.SAMStep(model.trainable_variables).roles
    theirs = keras_sam.SAMModel(model).roles
    assert [role.kind for role in ours] == [role.kind for role in theirs]
    assert [role.in_normalization for role in ours] == [r.in_normalization for r in theirs]


EXAMPLES = (("vae", {"count": 32, "epochs": 2}), ("gan", {"count": 128, "epochs": 1}))
EXAMPLES += (("metric_learning", {"steps": 3, "epochs": 2}),)


@pytest.mark.parametrize(("name", "size"), EXAMPLES, ids=lambda value: str(value)[:15])
def test_examples_train(name, size):
    path = pathlib.Path(__file__).parents[2] / "examples" / f"{name}.py"
    model, history = runpy.run_path(str(path))["main"](**size, verbose=0)
    losses = np.array(list(history.history.values()))
    assert np.isfinite(losses).all() and (losses != 0).all()
    steps = [layer for layer in model.layers if isinstance(layer, keras_sam.SAMStep)]
    assert steps and all(int(step.steps) > 1 for step in steps)
