"""An objective reads the model, its loss and its data, and leaves all of them alone."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_sam
from keras_sam import sharpness
from tests import toys


def noisy():
    """A compiled network with BatchNorm and Dropout, and data for it."""
    stack = [layers.BatchNormalization(), layers.Dropout(0.5, seed=1), layers.Dense(2)]
    model = keras.Sequential([keras.Input((4,)), *stack])
    model.compile(keras.optimizers.SGD(0.1), "mse", metrics=["mae"])
    x, y = toys.vectors(12)
    return model, x, np.hstack([y, -y])


def everything(objective):
    """All that an objective can be asked."""
    vector = np.ones(objective.size)
    sharpness.Hessian(objective).matvec(vector)
    sharpness.GaussNewton(objective).matvec(vector)
    sharpness.worst_case(objective, 0.1, logit_normalization=True)


@pytest.mark.parametrize("training", [False, True])
def test_nothing_of_the_model_changes(training):
    model, x, y = noisy()
    before = toys.values(model.variables)
    everything(sharpness.Objective(model, x, y, batch_size=6, training=training))
    for old, new in zip(before, toys.values(model.variables), strict=True):
        np.testing.assert_array_equal(old, new)
    # What was never fitted stays unbuilt.
    assert not model.optimizer.built and not any(m.variables for m in model.metrics[1:])


def test_inference_is_what_evaluate_does_and_training_repeats_itself():
    model, x, y = noisy()
    inference = sharpness.Objective(model, x, y, batch_size=5)
    training = sharpness.Objective(model, x, y, batch_size=5, training=True)
    np.testing.assert_allclose(inference.loss(), model.evaluate(x, y, verbose=0)[0], rtol=1e-5)
    assert training.loss() == training.loss() != inference.loss()


def test_it_follows_the_weights_without_another_trace(backend):
    if backend == "torch":
        pytest.skip("PyTorch traces nothing")
    calls = []

    class Counting(layers.Layer):
        def call(self, inputs):
            calls.append(inputs.shape)
            return inputs

    model = keras.Sequential([keras.Input((4,)), Counting(), layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    x, y = toys.vectors(8)
    model.fit(x, y, verbose=0)
    objective = sharpness.Objective(model, x, y, batch_size=3)  # Of two sizes: 3, 3 and 2.
    hessian, vector = sharpness.Hessian(objective), np.ones(5)
    before = objective.loss()
    hessian.matvec(vector)
    model.set_weights([w + 1 for w in model.get_weights()])
    traces = len(calls)
    assert objective.loss() != before
    for batch in objective.batches():
        batch.loss()
    hessian.matvec(2 * vector)
    assert len(calls) == traces


def test_sam_model_is_its_base_model(classifier, examples):
    sam = keras_sam.SAMModel(classifier)
    sam.compile(keras.optimizers.SGD(0.1), classifier.loss)
    objective = sharpness.Objective(sam, *examples)
    assert objective.model is classifier
    assert objective.loss() == sharpness.Objective(classifier, *examples).loss()


def test_every_kind_of_data(classifier, examples):
    x, y = examples
    expected = sharpness.Objective(classifier, x, y).loss()
    batches = [(x[:4], y[:4]), (x[4:], y[4:])]

    class Data(keras.utils.PyDataset):
        num_batches = 2

        def __getitem__(self, index):
            return batches[index % 2]  # Says nothing at its end.

    for data in (batches, iter(batches), Data()):
        objective = sharpness.Objective(classifier, data)
        assert [objective.loss(), objective.loss()] == pytest.approx([expected] * 2, rel=1e-6)
        assert objective.num_examples() == 10


def test_sample_weights_are_keras_own(classifier, examples):
    weight = np.arange(10) / 5
    objective = sharpness.Objective(classifier, *examples, batch_size=4, sample_weight=weight)
    expected = classifier.evaluate(*examples, sample_weight=weight, verbose=0)
    np.testing.assert_allclose(objective.loss(), expected, rtol=1e-6)


def test_several_inputs_and_outputs():
    a, b = keras.Input((2,), name="a"), keras.Input((3,), name="b")
    outputs = {"p": layers.Dense(1, name="p")(a), "q": layers.Dense(2, name="q")(b)}
    model = keras.Model({"a": a, "b": b}, outputs)
    model.compile(loss={"p": "mse", "q": "mse"}, loss_weights={"p": 1.0, "q": 3.0})
    x = {"a": np.ones((6, 2), "float32"), "b": np.ones((6, 3), "float32")}
    y = {"p": np.ones((6, 1), "float32"), "q": np.ones((6, 2), "float32")}
    objective = sharpness.Objective(model, x, y, batch_size=4)
    vector = np.linspace(0, 1, objective.size)
    products = [
        kind(objective).matvec(vector) for kind in (sharpness.Hessian, sharpness.GaussNewton)
    ]
    np.testing.assert_allclose(*products, atol=1e-6)
    evaluated = model.evaluate(x, y, verbose=0)
    np.testing.assert_allclose(objective.loss(), np.ravel(evaluated)[0], rtol=1e-6)


def test_reductions_that_are_no_mean(classifier, examples):
    summed = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")
    refused("Received: reduction='sum'", classifier, *examples, loss=summed)
    with pytest.raises(ValueError, match="Received: reduction='sum'"):
        sharpness.Objective(classifier, *examples).with_loss(summed)
    classifier.compile(loss=summed)
    refused("Received: reduction='sum'", classifier, *examples)


def test_views_keep_their_data_and_their_compiled_functions(classifier, examples):
    objective = sharpness.Objective(classifier, *examples, batch_size=5)
    objective.of_normalized_logits.loss()
    first, _ = objective.batches()
    whole = objective.of_normalized_logits
    losses = [batch.of_normalized_logits.loss() for batch in objective.batches()]
    assert first.of_normalized_logits.num_examples() == 5
    assert np.mean(losses) == pytest.approx(whole.loss(), rel=1e-5) and losses[0] != losses[1]
    assert first.of_normalized_logits._evaluator is whole._evaluator
    other, same = objective.with_loss("mse"), first.with_loss("mse")
    assert other._evaluator is same._evaluator is not objective._evaluator


def refused(match, *arguments, **options):
    with pytest.raises(ValueError, match=match):
        return sharpness.Objective(*arguments, **options).loss()


def test_bad_input(classifier, examples):
    x, y = examples
    refused("must be built", keras.Sequential([layers.Dense(1)]), x, y, loss="mse")
    refused("at least one trainable variable", classifier, x, y, mask="normalization")
    refused("one at least", classifier, x[:0], y[:0])
    refused("one at least", classifier, x, y[:5])
    refused("at least one batch", classifier, [])
    refused("Received: a int", classifier, [1, 2], [0, 1])
    refused("the weights belong in them", classifier, [(x, y)], sample_weight=np.ones(10))

    class Endless(keras.utils.PyDataset):
        num_batches = None

        def __getitem__(self, index):
            return x, y

    refused("must end.*Received: num_batches=None", classifier, Endless())
    refused("Received: a Endless", classifier, Endless(), y)
    refused("Give a loss", keras.Sequential([keras.Input((4,)), layers.Dense(1)]), x, y)
    broken = np.where(np.arange(10)[:, None] == 5, np.nan, x)
    refused("nan from batch 1 of 3", classifier, broken, y, batch_size=4)
    with pytest.raises(ValueError, match="batch 1 of 3"):
        operator = sharpness.Hessian(sharpness.Objective(classifier, broken, y, batch_size=4))
        operator.matvec(np.ones(operator.shape[0]))
    with pytest.raises(TypeError, match=r"keras\.Model"):
        sharpness.Objective(layers.Dense(1), x, y)


def test_m_needs_arrays(classifier, examples):
    objective = sharpness.Objective(classifier, [examples])
    with pytest.raises(ValueError, match="m must be"):
        sharpness.worst_case(objective, 0.1, m=3)
