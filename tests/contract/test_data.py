"""Every input, weight and loss that Keras takes is in both passes of a step."""

import functools
import itertools

import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_sam
from tests.toys import mean_output, mlp, quadratic, restore, values, vectors

RHO = 0.5


@keras.saving.register_keras_serializable(package="tests")
class Penalty(layers.Layer):
    """Adds the mean square of its input to the loss."""

    def call(self, x):
        self.add_loss(0.3 * ops.mean(ops.square(x)))
        return x


class Sequence(keras.utils.PyDataset):
    """Batches of four of `vectors(10)`."""

    def __len__(self):
        return 3

    def __getitem__(self, index):
        x, y = vectors(10)
        return x[4 * index : 4 * index + 4], y[4 * index : 4 * index + 4]


def as_numpy(x, y):
    return {"x": x, "y": y, "batch_size": 4}


def as_tf_data(x, y):
    import tensorflow as tf

    return {"x": tf.data.Dataset.from_tensor_slices((x, y)).batch(4)}


def as_data_loader(x, y):
    import torch

    examples = torch.utils.data.TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
    return {"x": torch.utils.data.DataLoader(examples, batch_size=4)}


def as_py_dataset(x, y):
    del x, y
    return {"x": Sequence()}


@functools.cache
def trained(convert=None):
    """Weights after the batches of a source, or after one call for each batch."""
    keras.utils.set_random_seed(0)
    x, y = vectors(10)
    sam = keras_sam.SAMModel(mlp(), RHO)
    sam.compile(keras.optimizers.SGD(0.02), "mse")
    if convert is not None:
        sam.fit(**convert(x, y), shuffle=False, verbose=0)
    for start in (0, 4, 8) if convert is None else ():
        sam.train_on_batch(x[start : start + 4], y[start : start + 4])
    assert int(sam.optimizer.iterations) == 3
    return values(sam.base_model.weights)


@pytest.mark.parametrize("convert", [as_numpy, as_tf_data, as_data_loader, as_py_dataset])
def test_every_source_trains_as_its_batches_do(convert):
    """The last batch is smaller, and a step of its own."""
    for a, b in zip(trained(convert), trained(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def weighted():
    x, y = vectors()
    return mlp(), {"loss": "mse"}, {"x": x, "y": y, "sample_weight": np.linspace(0, 2, 8)}


def class_weighted():
    x, _ = vectors()
    model = keras.Sequential([*mlp().layers[:-1], layers.Dense(3, activation="softmax")])
    model.build((None, 4))
    data = {"x": x, "y": np.arange(8) % 3, "class_weight": {0: 0.2, 1: 3.0, 2: 1.0}}
    return model, {"loss": "sparse_categorical_crossentropy"}, data


def two_heads(as_dict):
    """Two inputs, two outputs with a loss each, in dicts or in lists."""
    inputs = {"a": keras.Input((4,), name="a"), "b": keras.Input((2,), name="b")}
    hidden = layers.Dense(3, activation="tanh")(layers.Concatenate()([inputs["a"], inputs["b"]]))
    outputs = {"p": layers.Dense(1, name="p")(hidden), "q": layers.Dense(2, name="q")(hidden)}
    x, y = vectors()
    parts = [
        inputs,
        outputs,
        {"p": "mse", "q": "mae"},
        {"p": 1.0, "q": 0.3},
        {"p": ["mae", "mse"], "q": ["mse"]},
        {"a": x, "b": x[:, :2]},
        {"p": y, "q": x[:, 2:]},
        {"p": np.linspace(0, 2, 8), "q": np.ones(8)},
    ]
    if not as_dict:
        parts = [list(part.values()) for part in parts]
    inputs, outputs, loss, loss_weights, metrics, x, y, sample_weight = parts
    compiling = {"loss": loss, "loss_weights": loss_weights, "metrics": metrics}
    model = keras.Model(inputs, outputs)
    return model, compiling, {"x": x, "y": y, "sample_weight": sample_weight}


def masked():
    """The mask reaches the loss of each time step."""
    x = np.array([[1, 2, 0, 0], [3, 0, 0, 0], [2, 1, 3, 4]])
    embedding = layers.Embedding(5, 3, mask_zero=True)
    lstm = layers.LSTM(2, return_sequences=True)
    model = keras.Sequential([keras.Input((4,)), embedding, lstm, layers.Dense(1)])
    return model, {"loss": "mse"}, {"x": x, "y": np.ones((3, 4, 1), "float32")}


def regularized():
    x, y = vectors()
    penalised = layers.Dense(3, kernel_regularizer="l2", activity_regularizer="l1")
    return mlp(penalised, Penalty()), {"loss": "mse"}, {"x": x, "y": y}


CASES = {
    "sample_weight": weighted,
    "class_weight": class_weighted,
    "dicts": lambda: two_heads(as_dict=True),
    "lists": lambda: two_heads(as_dict=False),
    "mask": masked,
    "added losses": regularized,
}


@pytest.mark.parametrize("case", CASES)
def test_step_is_that_of_two_plain_ones(case):
    """Plain Keras gives both gradients: SGD with learning rate 1 moves by the gradient."""
    model, compiling, data = CASES[case]()
    model.compile(keras.optimizers.SGD(1.0), **compiling)
    start = values(model.trainable_variables)
    clean, logs = gradient_of_plain_step(model, data)
    norm = np.sqrt(sum(np.sum(np.square(g)) for g in clean))
    restore(model.trainable_variables, [w + RHO * g / norm for w, g in zip(start, clean)])
    perturbed, _ = gradient_of_plain_step(model, data)
    restore(model.trainable_variables, start)

    sam = keras_sam.SAMModel(model, RHO)
    sam.compile(keras.optimizers.SGD(1.0), **compiling)
    ours, our_logs = gradient_of_plain_step(sam, data)
    assert our_logs == pytest.approx(logs, rel=1e-5)
    for expected, gradient in zip(perturbed, ours, strict=True):
        np.testing.assert_allclose(gradient, expected, atol=1e-5)
    assert any(not np.allclose(a, b, atol=1e-3) for a, b in zip(clean, perturbed))


def gradient_of_plain_step(model, data):
    """How far a step with learning rate 1 moves the weights, and its logs."""
    before = values(model.trainable_variables)
    logs = model.train_on_batch(**data, return_dict=True)
    logs = {name: float(value) for name, value in logs.items()}  # Arrays, before Keras 3.14.
    return [a - b for a, b in zip(before, values(model.trainable_variables))], logs


def test_gradient_of_a_linear_loss_with_l2_is_known():
    """L = c.w + |w|^2 / 2: the gradient c + w, and c + w + e at the perturbed weights."""
    dense = layers.Dense(1, use_bias=False, kernel_regularizer=keras.regularizers.L2(0.5))
    model = keras.Sequential([keras.Input((2,)), dense])
    model.set_weights([np.array([[2.0], [2.0]])])
    sam = keras_sam.SAMModel(model, RHO)
    sam.compile(keras.optimizers.SGD(1.0), mean_output)
    sam.train_on_batch(np.array([[1.0, 2.0]] * 4), np.zeros((4, 1)))
    np.testing.assert_allclose(values(model.weights)[0], [[-1.3], [-2.4]], atol=1e-6)


ROWS = np.abs(vectors(10)[0][:, :2]) + 0.1


def quadratic_by_hand(num_batch_splits, batch_size=4):
    """Weights and mean loss after SAM on the quadratics of the rows, micro-batch by micro-batch."""
    w, losses = np.array([3.0, 2.0]), []
    for start in range(0, len(ROWS), batch_size):
        batch = ROWS[start : start + batch_size].astype("float64")
        losses.extend(batch @ w**2 / 2)
        bounds = [len(batch) * part // num_batch_splits for part in range(num_batch_splits + 1)]
        total = 0
        for first, last in itertools.pairwise(bounds):
            if last > first:
                curvature = batch[first:last].mean(axis=0)
                gradient = curvature * w
                gradient = curvature * (w + RHO * gradient / np.linalg.norm(gradient))
                total = total + gradient * (last - first) / len(batch)
        w = w - 0.1 * total
    return w, np.mean(losses)


@pytest.mark.parametrize("convert", [as_numpy, as_tf_data])
@pytest.mark.parametrize("num_batch_splits", [1, 2, 3, 4])
def test_micro_batches_are_averaged_by_size(num_batch_splits, convert):
    """Batches of 4, 4 and 2: some are not divisible, some smaller than the number of splits."""
    model = quadratic()
    sam = keras_sam.SAMModel(model, RHO, num_batch_splits=num_batch_splits)
    sam.compile(keras.optimizers.SGD(0.1), mean_output)
    fit = sam.fit(**convert(ROWS, np.zeros((10, 1))), shuffle=False, verbose=0)
    weights, loss = quadratic_by_hand(num_batch_splits)
    np.testing.assert_allclose(values([model.kernel])[0], weights, atol=1e-5)
    np.testing.assert_allclose(fit.history["loss"], [loss], rtol=1e-5)


def test_one_split_is_sam_bit_for_bit():
    data = {"x": ROWS, "y": np.zeros((10, 1))}
    steps = []
    for num_batch_splits in (None, 1):
        sam = keras_sam.SAMModel(quadratic(), RHO, num_batch_splits=num_batch_splits)
        sam.compile(keras.optimizers.SGD(1.0), mean_output)
        steps.append(gradient_of_plain_step(sam, data)[0])
    np.testing.assert_array_equal(*steps)


def test_nested_data_are_cut_together():
    """Six examples in three: the mean of the steps of three batches of two."""
    model, compiling, data = two_heads(as_dict=True)
    start = values(model.weights)
    whole, alone = [keras_sam.SAMModel(model, RHO, num_batch_splits=m) for m in (3, None)]
    gradients = []
    for sam, first, last in [(whole, 0, 6), (alone, 0, 2), (alone, 2, 4), (alone, 4, 6)]:
        if not sam.compiled:
            sam.compile(keras.optimizers.SGD(1.0), **compiling)
        part = {key: {name: a[first:last] for name, a in of.items()} for key, of in data.items()}
        gradients.append(gradient_of_plain_step(sam, part)[0])
        restore(model.weights, start)
    for mean, *parts in zip(*gradients, strict=True):
        np.testing.assert_allclose(mean, np.mean(parts, axis=0), atol=1e-5)


def test_opposing_linear_losses_give_no_gradient():
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1, use_bias=False)])
    start = values(model.weights)[0]
    sam = keras_sam.SAMModel(model, RHO, num_batch_splits=2)
    sam.compile(keras.optimizers.SGD(1.0), mean_output)
    sam.train_on_batch(np.array([[1.0, 2.0], [-1.0, -2.0]]), np.zeros((2, 1)))
    np.testing.assert_array_equal(values(model.weights)[0], start)


def test_metrics_see_the_mask_of_the_predictions():
    x = np.array([[1, 2, 0, 0], [3, 0, 0, 0]])
    y = np.ones((2, 4, 1), "float32")
    histories = []
    for wrap in (lambda model: model, keras_sam.SAMModel):
        keras.utils.set_random_seed(1)
        base_model = keras.Sequential(
            [keras.Input((4,)), layers.Embedding(5, 3, mask_zero=True), layers.Dense(1)]
        )
        model = wrap(base_model)
        model.compile(keras.optimizers.SGD(0.0), loss="mse", metrics=["mae"])
        histories.append(model.fit(x, y, verbose=0).history)
    for name, plain in histories[0].items():
        np.testing.assert_allclose(histories[1][name], plain, rtol=1e-5, err_msg=name)
