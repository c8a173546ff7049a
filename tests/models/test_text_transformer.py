"""The Transformer of texts: what it looks at, and that a step of SAM is exact in its embeddings."""

import keras
import numpy as np
import pytest

import keras_sam
from keras_sam import models

LENGTH, RHO, RATE = 6, 0.1, 0.5


def network(dropout=0.0):
    keras.utils.set_random_seed(0)
    return models.text_transformer((LENGTH,), 3, width=8, heads=2, blocks=1, dropout=dropout)


def texts():
    rows = np.random.default_rng(0).integers(1, 100, size=(4, LENGTH)).astype("int32")
    rows[:, 4:] = 0
    return rows, np.array([0, 1, 2, 1], "int32")


def step(model, rate):
    """Weights after a step of SGD."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(rate), loss)
    model.train_on_batch(*texts())


def gradient(base, at):
    """The gradient at some weights, which a step of plain SGD of rate 1 shows."""
    base.set_weights(at)
    step(base, 1.0)
    return [before - after for before, after in zip(at, base.get_weights())]


def test_step_of_sam_is_exact_in_embeddings_too():
    base = network()
    start = base.get_weights()
    ascent = gradient(base, start)
    length = np.sqrt(sum(np.sum(g**2) for g in ascent))
    descent = gradient(base, [w + RHO * g / length for w, g in zip(start, ascent)])
    base.set_weights(start)
    step(keras_sam.SAMModel(base, rho=RHO), RATE)
    for before, after, expected in zip(start, base.get_weights(), descent, strict=True):
        np.testing.assert_allclose(before - after, RATE * expected, atol=2e-5)
    words = base.get_layer("words").get_weights()[0]
    assert np.abs(words - start[0]).sum(1).nonzero()[0].tolist() == sorted(
        set(texts()[0][:, :4].flat)
    )


def test_padding_says_nothing_and_order_something():
    model = network()
    rows, _ = texts()
    before = model.predict(rows, verbose=0)
    table = model.get_layer("words").get_weights()[0]
    table[0] += 1.0
    model.get_layer("words").set_weights([table])
    np.testing.assert_allclose(model.predict(rows, verbose=0), before, atol=1e-6)
    turned = model.predict(rows[:, [1, 0, 2, 3, 4, 5]], verbose=0)
    assert np.abs(turned - before).max() > 1e-4


@pytest.mark.once
def test_shapes_of_others_are_refused():
    with pytest.raises(ValueError, match=r"words of a text.*Received: input_shape=\(8, 8, 1\)"):
        models.get("text_transformer", (8, 8, 1), 10)
    with pytest.raises(ValueError, match="multiple of the 3 heads"):
        models.text_transformer(heads=3)
    with pytest.raises(ValueError, match="two classes"):
        models.text_transformer(num_classes=1)
    with pytest.raises(ValueError, match="height, width, channels"):
        models.get("convnet", (64,), 10)
