"""Bad input is refused at construction, with a message that says what to do, and undoes nothing."""

import math
import types

import keras
import numpy as np
import pytest
from keras import layers

import keras_sam
from keras_sam import ascent, descent, methods
from tests.toys import mlp, values, vectors

NAN = float("nan")

# Arguments of SAMModel, and what the message must say before it repeats them.
ARGUMENTS = [
    ({"rho": -0.1}, "rho must be a finite number of at least 0"),
    ({"rho": NAN}, "rho must be a finite number of at least 0"),
    ({"rho": math.inf}, "rho must be a finite number of at least 0"),
    ({"rho": "0.1"}, "LearningRateSchedule"),
    ({"rho": True}, "rho must be a finite number"),
    ({"rho": -0.1, "method": methods.ASAM()}, "rho must be a finite number of at least 0"),
    ({"method": "sma"}, "did you mean sam"),
    ({"method": "SAM"}, "choose from ae_sam, ao_sam"),
    ({"method": "second-order"}, "did you mean second_order"),
    ({"method": "sam_on"}, "mask must leave at least one"),
    ({"method": methods.SAM(mask=lambda variable: False)}, "mask must leave at least one"),
    ({"num_batch_splits": 0}, "num_batch_splits must be an integer of at least 1"),
    ({"num_batch_splits": -2}, "num_batch_splits must be an integer of at least 1"),
    ({"num_batch_splits": 2.0}, "num_batch_splits must be an integer of at least 1"),
    ({"num_batch_splits": "2"}, "num_batch_splits must be an integer of at least 1"),
    ({"num_batch_splits": True}, "num_batch_splits must be an integer of at least 1"),
]

# Options of a named method, and what the message must say.
OPTIONS = [
    ("sam", {"p": 0.5}, "p must be a number of at least 1"),
    ("sam", {"p": NAN}, "p must be a number of at least 1"),
    ("sam", {"p": "2"}, "p must be a number of at least 1"),
    ("sam", {"rho": -1}, "rho must be a finite number of at least 0"),
    ("sam", {"eta": 0.1}, "has the options rho, p, mask, every, start"),
    ("asam", {"steps": 2}, "has the options rho, p, eta, normalization"),
    ("asam", {"eta": -0.1}, "eta must be a finite number of at least 0"),
    ("asam", {"normalization": "layer"}, "normalization must be one of 'element', 'filter'"),
    ("asam", {"scaled": "none"}, "scaled must be one of 'weights', 'all'"),
    ("multistep", {"steps": 0}, "steps must be an integer of at least 1"),
    ("multistep", {"steps": 1.5}, "steps must be an integer of at least 1"),
    ("multistep", {"step_size": 0.1}, "step_size needs projection=True"),
    (
        "multistep",
        {"step_size": 0.0, "projection": True},
        "step_size must be a finite number above",
    ),
    ("fgsm", {"momentum": -0.5}, "momentum must be a finite number of at least 0"),
    ("periodic", {"every": 0}, "every must be an integer of at least 1"),
    ("late", {"start": -1}, "start must be an integer of at least 0"),
    ("sam", {"mask": "weights"}, "mask must be one of all, kernels"),
    ("sam", {"mask": []}, "mask must be one of all, kernels"),
]


def without_normalization():
    return keras.Sequential([keras.Input((4,)), layers.Dense(1)])


def assert_helpful(error, expected):
    """The message says what was expected, and ends with what came instead."""
    message = str(error.value)
    assert expected in message
    assert message.rpartition("Received: ")[1], message
    assert message.rpartition("Received: ")[2].strip(), message


@pytest.mark.parametrize(("arguments", "expected"), ARGUMENTS)
def test_argument_of_the_model(arguments, expected):
    """The refused model is as it was, and trains once the argument is right."""
    model = without_normalization()
    model.compile("sgd", "mse")
    before = (values(model.variables), model.get_config(), model.optimizer)
    with pytest.raises(ValueError) as error:
        keras_sam.SAMModel(model, **arguments)
    assert_helpful(error, expected)
    np.testing.assert_equal(values(model.variables), before[0])
    assert (model.get_config(), model.optimizer) == before[1:]
    assert keras_sam.SAMModel(model).compiled


@pytest.mark.once
@pytest.mark.parametrize(("name", "options", "expected"), OPTIONS)
def test_option_of_a_method(name, options, expected):
    with pytest.raises(ValueError) as error:
        methods.get(name, **options)
    assert_helpful(error, expected)
    assert repr(next(iter(options.values()))) in str(error.value)


@pytest.mark.once
@pytest.mark.parametrize("model", [None, "resnet", layers.Dense(1), lambda x: x, keras.Model])
def test_what_is_not_a_keras_model(model):
    with pytest.raises(TypeError) as error:
        keras_sam.SAMModel(model)
    assert_helpful(error, "model must be a keras.Model; wrap a layer in keras.Sequential")


@pytest.mark.once
@pytest.mark.parametrize("method", [None, 2, methods.SAM, ascent.DualNormAscent()])
def test_what_is_not_a_method(method):
    with pytest.raises(TypeError) as error:
        keras_sam.SAMModel(mlp(), method=method)
    assert_helpful(error, "method must be a name from keras_sam.methods.list()")


@pytest.mark.once
@pytest.mark.parametrize("method", [methods.SAM(), methods.serialize(methods.SAM())])
def test_options_beside_a_method_that_has_its_own(method):
    with pytest.raises(ValueError) as error:
        methods.get(method, p=1)
    assert_helpful(error, "Options go with a method's name")


@pytest.mark.once
def test_config_of_something_else():
    with pytest.raises(ValueError) as error:
        methods.deserialize(keras.saving.serialize_keras_object(layers.Dense(1)))
    assert_helpful(error, "config must come from keras_sam.methods.serialize")


def test_descent_that_cannot_follow_the_ascent():
    with pytest.raises(ValueError) as error:
        methods.Method(ascent.MultiStepAscent(), descent.SecondOrderGradient())
    assert_helpful(error, "needs one in closed form")


def test_several_steps_of_several_steps():
    with pytest.raises(ValueError) as error:
        ascent.MultiStepAscent(ascent.MultiStepAscent())
    assert_helpful(error, "step must be a closed-form ascent")


def test_task_whose_preprocessor_would_be_skipped():
    """KerasHub's tasks keep theirs in this attribute."""
    task = mlp()
    task.preprocessor = types.SimpleNamespace()
    with pytest.raises(ValueError) as error:
        keras_sam.SAMModel(task)
    assert_helpful(error, "Wrap a model of the task's backbone and a head")
    task.preprocessor = None
    assert keras_sam.SAMModel(task).base_model is task


class OwnStep(keras.Sequential):
    """A model with a training step of its own."""

    def train_step(self, *arguments):
        raise AssertionError("is never called")


@pytest.mark.parametrize("make", [OwnStep, lambda: keras_sam.SAMModel(mlp())])
def test_training_step_that_would_be_skipped(make):
    with pytest.raises(ValueError) as error:
        keras_sam.SAMModel(make())
    assert_helpful(error, "of a SAMModel, wrap the base_model")


def test_mask_that_leaves_nothing_of_a_model_built_at_fit():
    model = keras.Sequential([layers.Dense(1)])
    sam = keras_sam.SAMModel(model, method="sam_on")
    sam.compile("sgd", "mse")
    with pytest.raises(ValueError) as error:
        sam.fit(*vectors(), verbose=0)
    assert_helpful(error, "mask must leave at least one")
    assert int(sam.optimizer.iterations) == 0
    assert np.all(np.isfinite(np.concatenate([v.ravel() for v in values(model.weights)])))


@pytest.mark.parametrize("rho", [-0.1, NAN, math.inf, "0.1"])
def test_assigned_rho(rho):
    sam = keras_sam.SAMModel(mlp(), rho=0.25)
    with pytest.raises(ValueError) as error:
        sam.rho = rho
    assert_helpful(error, "rho must be a finite number of at least 0")
    assert float(sam.rho) == 0.25


def test_assigned_rho_over_a_schedule():
    sam = keras_sam.SAMModel(mlp(), keras.optimizers.schedules.ExponentialDecay(0.25, 10, 0.5))
    with pytest.raises(ValueError) as error:
        sam.rho = 0.1
    assert_helpful(error, "build the SAMModel with a float to assign it")
    assert float(sam.rho) == 0.25


class WithoutWeights(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return keras.ops.mean((y - y_pred) ** 2)


class WithWeights(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return 2.0 * super().compute_loss(x, y, y_pred, sample_weight, training)


@pytest.mark.once
@pytest.mark.parametrize("method", ["esam", "delta_sam"])
def test_loss_in_which_no_example_weighs_more(method):
    inputs = keras.Input((3,))
    outputs = keras.layers.Dense(1)(inputs)
    with pytest.raises(ValueError, match=r"through sample_weight.*Received: .*WithoutWeights"):
        keras_sam.SAMModel(WithoutWeights(inputs, outputs), method=method)
    keras_sam.SAMModel(WithoutWeights(inputs, outputs))
    keras_sam.SAMModel(WithWeights(inputs, outputs), method=method)
