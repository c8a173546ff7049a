"""`SAMModel` trains, evaluates and predicts with the results and the logs of plain Keras."""

import functools
import itertools

import keras
import numpy as np
import pytest

import keras_sam
from keras_sam import methods
from tests import conformance
from tests.selection import each_method
from tests.toys import (
    CURVATURE,
    NO_TARGET,
    acting,
    mean_output,
    mlp,
    noisy_mlp,
    one_step,
    quadratic,
    restore,
    twin,
    values,
    vectors,
)


def regression(model, optimizer=None, **arguments):
    """`model`, compiled for regression."""
    optimizer = optimizer or keras.optimizers.SGD(0.02, momentum=0.875, weight_decay=0.1)
    model.compile(optimizer, "mse", **{"metrics": ["mae"], **arguments})
    return model


def assert_same(left, right, tolerance=1e-6):
    """Both nested results have the same structure, types and numbers."""
    keras.tree.assert_same_structure(left, right)
    for a, b in zip(keras.tree.flatten(left), keras.tree.flatten(right), strict=True):
        assert type(a) is type(b)
        np.testing.assert_allclose(a, b, atol=tolerance, rtol=tolerance)


def test_results_are_those_of_plain_keras():
    x, y = vectors()
    sam = regression(keras_sam.SAMModel(mlp(), rho=0.0))
    plain = regression(twin(sam.base_model))
    results = [all_results(model, x, y) for model in (sam, plain)]
    assert_same(*results)
    assert set(results[0][0]) == {"loss", "mae", "val_loss", "val_mae"}


def all_results(model, x, y):
    """What each of the trainer's methods returns, one after the other."""
    fit = model.fit(x, y, batch_size=4, validation_data=(x, y), shuffle=False, verbose=0)
    return [
        fit.history,
        model.train_on_batch(x, y),
        model.train_on_batch(x, y, return_dict=True),
        model.evaluate(x, y, verbose=0),
        model.evaluate(x, y, return_dict=True, verbose=0),
        model.test_on_batch(x, y),
        model.test_on_batch(x, y, return_dict=True),
        model.predict(x, verbose=0),
        model.predict_on_batch(x),
    ]


def compiled_once(name, is_neutral=False, lora=None):
    """A model in training with a method (plain Keras for `None`), and its variables."""
    neutral = conformance.ROWS[name].neutral if name is not None and is_neutral else None
    return _compiled_once(name, tuple((neutral or {}).items()), lora)


@functools.cache
def _compiled_once(name, options, lora):
    keras.utils.set_random_seed(0)
    model = base_model = conformance.suited(lora or name, noisy_mlp())
    if name is not None:
        model = keras_sam.SAMModel(base_model, method=methods.get(name, **dict(options)))
    momentum_and_decay = {"momentum": 0.875, "weight_decay": 0.1}
    regression(
        model, conformance.optimizer(getattr(model, "method", None), 0.02, **momentum_and_decay)
    )
    model.optimizer.build(model.trainable_variables)
    known = [*model.variables, *model.optimizer.variables]
    start = dict(zip(map(id, known), values(known), strict=True))
    # Now a method that keeps batches has room for one.
    model.fit(*vectors(4), sample_weight=np.ones(4), verbose=0)
    variables = [*model.variables, *model.optimizer.variables]
    return model, variables, [start.get(id(v), np.zeros(v.shape, v.dtype)) for v in variables]


def trained(
    name=None,
    start=999,
    epochs=2,
    learning_rate=0.02,
    rho=None,
    sample_weight=1.0,
    is_neutral=False,
    lora=None,
):
    """Logs and model after epochs of one batch from an iteration on, always the same weights.

    At iteration 1000 every default method acts, `periodic` and `late` too; at 999 neither does.
    Plain training has the adapters that a method of the name `lora` asks for.
    """
    model, variables, saved = compiled_once(name, is_neutral, lora)
    restore(variables, saved)
    model.optimizer.iterations.assign(start)
    model.optimizer.learning_rate = learning_rate
    if rho is not None and name is not None:
        model.rho = rho
    x, y = vectors(4)
    weights = np.full(4, sample_weight)
    # Dropout masks go by position: in another order the same step would be another.
    fit = model.fit(x, y, sample_weight=weights, epochs=epochs, shuffle=False, verbose=0)
    return fit.history, getattr(model, "base_model", model)


def starting_values(name, is_neutral=False):
    """Dict from a variable's id to its value before training."""
    _, variables, saved = compiled_once(name, is_neutral)
    return dict(zip(map(id, variables), saved, strict=True))


@pytest.mark.parametrize("name", each_method(but=conformance.NEVER_NEUTRAL))
def test_rho_zero_is_plain_training(name):
    lora = name if name in conformance.OF_LORA else None
    plain_history, plain = trained(epochs=4, lora=lora)
    history, model = trained(name, epochs=4, rho=0.0, is_neutral=True)
    assert_same(history, plain_history)
    assert_same(values(model.weights), values(plain.weights))


# The prior of bsam pulls.
@pytest.mark.parametrize("name", each_method(but={"bsam", *conformance.NEVER_CLEAN}))
def test_zero_gradient_is_the_step_of_the_base_optimizer(name):
    """The loss is 0 whatever the weights; the optimizer's weight decay still moves them."""
    _, plain = trained(sample_weight=0.0)
    _, model = trained(name, sample_weight=0.0, is_neutral=True)
    assert_same(values(model.weights), values(plain.weights))
    assert_has_moved(model.trainable_variables, starting_values(name, True))


@pytest.mark.parametrize("name", each_method())
def test_learning_rate_zero_leaves_every_weight_as_it_is(name):
    _, model = trained(name, learning_rate=0.0)
    before = starting_values(name)
    for variable in model.trainable_variables:
        np.testing.assert_array_equal(values([variable])[0], before[id(variable)])
    assert_has_moved(model.non_trainable_weights, before)


def assert_has_moved(some, before):
    """The variables are no longer what they were before training: steps were made."""
    assert any(not np.allclose(values([v])[0], before[id(v)]) for v in some)


@pytest.mark.parametrize("name", each_method(but=conformance.RESTLESS))
def test_a_minimum_is_not_left(name):
    model = quadratic()
    model.kernel.assign([0.0, 0.0])
    options = {"mask": None} if name == "sam_on" else {}
    weights, _ = one_step(acting(name, **options), model=model, steps=2)
    np.testing.assert_array_equal(weights, [0.0, 0.0])


def after(name, start, steps=1):
    """All weights in one vector after some steps from an iteration on."""
    _, model = trained(name, start=start, epochs=steps)
    return np.concatenate([value.ravel() for value in values(model.trainable_variables)])


@pytest.mark.once
def test_every_default_method_differs_from_sgd_and_from_each_other():
    """After many steps: those with a memory are another's equal at first."""
    names = [None, *sorted({*methods.list()} - {*conformance.OF_LORA})]  # Those have other weights.
    ends = {name: after(name, 1000, steps=10) for name in names}
    for a, b in itertools.combinations(ends, 2):
        distance = np.max(np.abs(ends[a] - ends[b]))
        is_same = {a, b} <= set(conformance.SAM_WHEN_ACTING)
        assert (distance < 1e-6) if is_same else (distance > 1e-5), (a, b, distance)


@pytest.mark.parametrize(("name", "start"), [("periodic", 1001), ("late", 999)])
def test_default_methods_are_the_base_optimizer_where_they_do_not_act(name, start):
    np.testing.assert_allclose(after(name, start), after(None, start), atol=1e-6)


def test_loss_and_metrics_are_the_epoch_means_of_the_clean_pass():
    x, y = vectors(10)
    sam = keras_sam.SAMModel(mlp(), rho=1.0, log_sharpness=True)
    regression(sam, keras.optimizers.SGD(0.0))
    logs = sam.fit(x, y, batch_size=4, shuffle=False, verbose=0).history
    loss, mae = sam.evaluate(x, y, verbose=0)  # Two values: evaluation measures no sharpness.
    np.testing.assert_allclose([logs["loss"][0], logs["mae"][0]], [loss, mae], rtol=1e-5)
    last_batch, _ = sam.evaluate(x[8:], y[8:], verbose=0)
    assert abs(last_batch - loss) > 1e-2, "else the mean could be the last batch"
    assert len(sam.test_on_batch(x, y)) == 2


def quadratic_history(method, learning_rate=0.0, epochs=1):
    """Logs of four updates an epoch on the quadratic, with the sharpness logged."""
    sam = keras_sam.SAMModel(quadratic(), method=method, log_sharpness=True)
    sam.compile(keras.optimizers.SGD(learning_rate), loss=mean_output)
    return sam.fit(CURVATURE, NO_TARGET, batch_size=1, epochs=epochs, verbose=0).history


def test_sharpness_is_logged_where_asked_for():
    logs = quadratic_history(methods.SAM(0.5))
    assert set(logs) == {"loss", "sharpness", "grad_norm", "perturbation_norm"}
    # Gradient (3, 4), perturbation (0.3, 0.4), perturbed loss 11.205.
    measured = [logs[key][0] for key in ("loss", "sharpness", "grad_norm", "perturbation_norm")]
    np.testing.assert_allclose(measured, [8.5, 2.705, 5.0, 0.5], rtol=1e-5)


def test_sharpness_is_the_mean_over_the_steps_on_which_a_method_acts():
    logs = quadratic_history(methods.Periodic(0.5, every=3), learning_rate=0.1, epochs=2)
    sharpness, norms = _quadratic_by_hand(steps=8, every=3)
    np.testing.assert_allclose(logs["sharpness"], sharpness, rtol=1e-5)
    np.testing.assert_allclose(logs["grad_norm"], norms, rtol=1e-5)
    np.testing.assert_allclose(logs["perturbation_norm"], [0.5, 0.5], rtol=1e-6)


def _quadratic_by_hand(steps, every):
    """Mean sharpness and gradient norm over the active steps of each epoch of four."""
    curvature, w, measured = np.array([1.0, 2.0]), np.array([3.0, 2.0]), []
    for step in range(steps):
        gradient = curvature * w
        if step % every == 0:
            perturbed = w + 0.5 * gradient / np.linalg.norm(gradient)
            sharpness = np.sum(curvature * (perturbed**2 - w**2)) / 2
            measured.append((step // 4, sharpness, np.linalg.norm(gradient)))
            gradient = curvature * perturbed
        w = w - 0.1 * gradient
    epochs = [[m[1:] for m in measured if m[0] == epoch] for epoch in range(steps // 4)]
    return np.array([np.mean(epoch, axis=0) for epoch in epochs]).T
