"""`SAMModel` trains, evaluates and predicts with the results and the logs of plain Keras."""

import functools
import itertools

import keras
import numpy as np
import pytest

import keras_sam
from keras_sam import methods
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

# Default methods that are SAM on the steps on which they act; no other two are the same.
SAM_WHEN_ACTING = ("sam", "periodic", "late")


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


@functools.cache
def compiled_once(name):
    """A model in training with a default method (plain Keras for `None`), and its variables."""
    keras.utils.set_random_seed(0)
    base_model = noisy_mlp()
    model = base_model if name is None else keras_sam.SAMModel(base_model, method=name)
    regression(model).optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables]
    return model, variables, values(variables)


def trained(name=None, start=999, epochs=2, learning_rate=0.02, rho=None, sample_weight=1.0):
    """Logs and model after epochs of one batch from an iteration on, always the same weights.

    At iteration 1000 every default method acts, `periodic` and `late` too; at 999 neither does.
    """
    model, variables, saved = compiled_once(name)
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


@pytest.mark.parametrize("name", methods.list())
def test_rho_zero_is_plain_training(name):
    plain_history, plain = trained(epochs=4)
    history, model = trained(name, epochs=4, rho=0.0)
    assert_same(history, plain_history)
    assert_same(values(model.weights), values(plain.weights))


@pytest.mark.parametrize("name", methods.list())
def test_zero_gradient_is_the_step_of_the_base_optimizer(name):
    """The loss is 0 whatever the weights; the optimizer's weight decay still moves them."""
    _, plain = trained(sample_weight=0.0)
    _, model = trained(name, sample_weight=0.0)
    assert_same(values(model.weights), values(plain.weights))
    assert_has_moved(model.trainable_variables, name)


@pytest.mark.parametrize("name", methods.list())
def test_learning_rate_zero_leaves_every_weight_as_it_is(name):
    _, model = trained(name, learning_rate=0.0)
    _, variables, saved = compiled_once(name)
    before = dict(zip((id(variable) for variable in variables), saved, strict=True))
    for variable in model.trainable_variables:
        np.testing.assert_array_equal(values([variable])[0], before[id(variable)])
    assert_has_moved(model.non_trainable_weights, name)


def assert_has_moved(some, name):
    """The variables are no longer what they were before training: steps were made."""
    _, variables, saved = compiled_once(name)
    before = dict(zip((id(variable) for variable in variables), saved, strict=True))
    assert any(not np.allclose(values([v])[0], before[id(v)]) for v in some)


@pytest.mark.parametrize("name", methods.list())
def test_a_minimum_is_not_left(name):
    model = quadratic()
    model.kernel.assign([0.0, 0.0])
    options = {"mask": None} if name == "sam_on" else {}
    weights, _ = one_step(acting(name, **options), model=model, steps=2)
    np.testing.assert_array_equal(weights, [0.0, 0.0])


def after_one_step(name, start):
    """All weights in one vector after a single step at an iteration."""
    _, model = trained(name, start=start, epochs=1)
    return np.concatenate([value.ravel() for value in values(model.trainable_variables)])


def test_every_default_method_differs_from_sgd_and_from_each_other():
    after = {name: after_one_step(name, 1000) for name in [None, *methods.list()]}
    for a, b in itertools.combinations(after, 2):
        distance = np.max(np.abs(after[a] - after[b]))
        is_same = {a, b} <= set(SAM_WHEN_ACTING)
        assert (distance < 1e-7) if is_same else (distance > 1e-5), (a, b, distance)


@pytest.mark.parametrize(("name", "start"), [("periodic", 1001), ("late", 999)])
def test_default_methods_are_the_base_optimizer_where_they_do_not_act(name, start):
    np.testing.assert_allclose(after_one_step(name, start), after_one_step(None, start), atol=1e-7)


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
