"""SAMPa keeps whole batches, from whatever source they come."""

import keras
import numpy as np
import pytest
from keras import layers

import keras_sam
from keras_sam import methods
from tests.methods.slopes import RATE, batches, curved, flat, on_batch, prepared
from tests.methods.test_sampa import reference
from tests.toys import restore, values, vectors

ROWS = curved()
NOTHING = np.zeros((16, 1), "float32")


def two_heads():
    """A model of dicts, and its batch: x, y and sample weights, each a dict."""
    inputs = {"a": keras.Input((4,), name="a"), "b": keras.Input((2,), name="b")}
    hidden = layers.Dense(3, activation="tanh")(layers.Concatenate()([inputs["a"], inputs["b"]]))
    outputs = {"p": layers.Dense(1, name="p")(hidden), "q": layers.Dense(2, name="q")(hidden)}
    x, y = vectors(8)
    batch = (
        {"a": x, "b": x[:, 1:3]},
        {"p": y, "q": x[:, 2:]},
        {"p": y[:, 0] ** 2, "q": x[:, 0] ** 2},
    )
    return keras.Model(inputs, outputs), {"p": "mse", "q": "mae"}, batch


def plain_gradient(model, weights, batch):
    """Plain Keras's gradient: a step of SGD with learning rate 1 moves by it."""
    restore(model.trainable_variables, weights)
    model.compile(keras.optimizers.SGD(1.0), model.loss)
    model.train_on_batch(*batch)
    after = values(model.trainable_variables)
    return [start - end for start, end in zip(weights, after)]


def test_the_kept_batch_has_dicts_and_sample_weights():
    model, loss, batch = two_heads()
    first, second = (
        keras.tree.map_structure(lambda leaf, cut=cut: leaf[cut], batch)
        for cut in (slice(0, 4), slice(4, 8))
    )
    model.compile("sgd", loss)
    w = values(model.trainable_variables)
    g = plain_gradient(model, w, first)
    w1 = [a - RATE * b for a, b in zip(w, g)]
    factor = 0.5 / np.sqrt(sum(np.sum(part**2) for part in g))
    back = plain_gradient(model, [a + factor * b for a, b in zip(w1, g)], first)
    ahead = plain_gradient(model, [a - RATE * b for a, b in zip(w1, g)], second)
    expected = [a - RATE * (0.8 * b + 0.2 * c) for a, b, c in zip(w1, back, ahead)]

    restore(model.trainable_variables, w)
    sam = keras_sam.SAMModel(model, method=methods.SAMPa(0.5))
    sam.compile(keras.optimizers.SGD(RATE), loss)
    x, y, sample_weight = batch
    sam.fit(x, y, sample_weight=sample_weight, batch_size=4, shuffle=False, verbose=0)
    for a, b in zip(values(model.trainable_variables), expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


class Sequence(keras.utils.PyDataset):
    """The examples in batches of four."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return ROWS[4 * index : 4 * index + 4], NOTHING[:4]


def generator():
    for batch in batches(ROWS):
        yield batch, NOTHING[:4]


def tf_data():
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((ROWS, NOTHING)).batch(4)


def data_loader():
    import torch

    examples = torch.utils.data.TensorDataset(torch.from_numpy(ROWS), torch.from_numpy(NOTHING))
    return torch.utils.data.DataLoader(examples, batch_size=4)


OF_BACKEND = {"tensorflow": [tf_data], "torch": [data_loader]}
SOURCES = [Sequence, generator, *OF_BACKEND.get(keras.backend.backend(), [])]


# Only a generator's end says how long it is.
@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize("source", SOURCES)
def test_no_source_loses_the_batch_that_is_looked_at_first(source):
    sam = prepared(methods.SAMPa(0.5))
    sam.fit(source(), shuffle=False, verbose=0)
    np.testing.assert_allclose(flat(sam.trainable_variables), reference(batches(ROWS)), atol=1e-5)


def test_train_on_batch():
    sam = prepared(methods.SAMPa(0.5))
    weights = [on_batch(sam, batch) for batch in batches(ROWS)][-1]
    np.testing.assert_allclose(weights, reference(batches(ROWS)), atol=1e-5)
