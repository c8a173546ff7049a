"""What a step of one's own refuses, and how that is mended."""

import keras
import pytest
from keras import layers, ops

import keras_sam
from tests.toys import mlp, vectors

X, Y = vectors(8)


def step_and_loss(method="sam", trained=None, **options):
    """A step over a small model, and its scalar loss function."""
    model = mlp()
    step = keras_sam.SAMStep(trained or model, method, **options)
    return step, lambda: ops.mean(keras.losses.mean_squared_error(Y, model(X)))


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (lambda: ops.zeros((8,)), r"scalar tensor.*keras.ops.mean.*shape \(8,\)"),
        (lambda: None, r"scalar tensor.*Received: loss_fn_returned=None"),
        (lambda: (ops.zeros(()), 1, 2), r"scalar tensor.*Received: "),
    ],
)
def test_a_loss_must_be_a_scalar(returned, message):
    step, _ = step_and_loss()
    with pytest.raises(ValueError, match=message):
        step.gradients(returned)


def test_a_method_that_weighs_examples_asks_for_their_losses():
    step, loss_fn = step_and_loss("esam")
    with pytest.raises(ValueError, match=r"data=\(x, y\).*Received: data=None"):
        step.gradients(loss_fn)
    with pytest.raises(ValueError, match=r"shape \(batch,\).*Received: a loss of shape \(\)"):
        step.gradients(lambda x, y: loss_fn(), data=(X, Y))


def test_a_method_that_uses_the_outputs_is_for_models():
    with pytest.raises(ValueError, match=r"train a keras_sam.SAMModel.*Received: method='func"):
        keras_sam.SAMStep(mlp(), "functional_sam")


def test_a_variable_without_influence_is_named():
    idle = layers.Dense(2, name="idle")
    idle.build((None, 4))
    model = mlp()
    step = keras_sam.SAMStep([model, idle])
    with pytest.raises(ValueError, match=r"leave it out.*Received: .*idle/kernel, idle/bias"):
        step.gradients(lambda: ops.mean(ops.square(model(X))))


def test_a_step_is_not_under_a_tape(backend):
    if backend != "tensorflow":
        pytest.skip("only TensorFlow has tapes")
    import tensorflow as tf

    step, loss_fn = step_and_loss()
    with (
        tf.GradientTape(),
        pytest.raises(ValueError, match=r"outside of tf.GradientTape.*Received"),
    ):
        step.gradients(loss_fn)


@pytest.mark.once
def test_a_method_says_which_argument_it_needs():
    step, loss_fn = step_and_loss("wsam")
    with pytest.raises(ValueError, match=r"call minimize\(loss_fn, optimizer\).*Received: a call"):
        step.gradients(loss_fn)
    step, loss_fn = step_and_loss("lookahead_sam")
    with pytest.raises(ValueError, match=r"asks for the learning rate.*Received: optimizer=None"):
        step.gradients(loss_fn)
    with pytest.raises(ValueError, match=r"optimizer must be a keras.optimizers.*Received: optim"):
        step.gradients(loss_fn, "sgd")
    with pytest.raises(ValueError, match=r"loss_fn must be a function.*Received: loss_fn="):
        step.gradients(1.0)


@pytest.mark.once
def test_there_must_be_something_to_train():
    with pytest.raises(TypeError, match=r"keras.Model or layer.*Received: trained="):
        keras_sam.SAMStep([1, 2])
    with pytest.raises(TypeError, match=r"keras.Model or layer.*Received: trained="):
        keras_sam.SAMStep([])
    unbuilt = keras_sam.SAMStep(keras.Sequential([layers.Dense(1)]))
    with pytest.raises(ValueError, match=r"build the model first.*Received: "):
        unbuilt.gradients(lambda: ops.zeros(()))
    with pytest.raises(ValueError, match="has the options rho, p"):
        keras_sam.SAMStep(mlp(), "sam", eta=1.0)


def test_batches_of_other_sizes_ask_for_the_losses_of_examples():
    model = mlp()
    step = keras_sam.SAMStep(model, "sampa")

    def loss_fn(x, y):
        return ops.mean(keras.losses.mean_squared_error(y, model(x)))

    optimizer = keras.optimizers.SGD(0.1)
    step.gradients(loss_fn, optimizer, (X, Y))
    with pytest.raises(ValueError, match=r"loss of each example.*Received: a scalar loss of 5"):
        step.gradients(loss_fn, optimizer, (X[:5], Y[:5]))


def test_the_message_of_a_model_with_its_own_step_shows_this_way():
    class Own(keras.Model):
        def train_step(self, *args):
            return {}

    with pytest.raises(ValueError, match=r"keras_sam.SAMStep\(model\).*Received: model="):
        keras_sam.SAMModel(Own())
