"""A loss that is not quadratic, of two tensors, with a gradient that NumPy can write down."""

import keras
import numpy as np
from keras import ops

import keras_sam
from tests.toys import mean_output

START = np.array([1.2, -0.8, 0.6])
BATCHES = np.random.default_rng(0).uniform(0.5, 3.0, (6, 3)).astype("float32")


class Cubic(keras.Model):
    """Loss `x'w^3 / 6 + coupling (sum w)^2 / 2`; w is a kernel of two and another weight."""

    def __init__(self, start=START, coupling=1.0):
        super().__init__()
        self.coupling = coupling
        self.first = self.add_weight(name="kernel", shape=(2,))
        self.second = self.add_weight(name="other", shape=(1,))
        self.first.assign(start[:2])
        self.second.assign(start[2:])
        self.built = True

    def call(self, x):
        w = ops.concatenate([self.first, self.second])
        value = ops.sum(x * w**3, axis=-1, keepdims=True) / 6
        return value + self.coupling * ops.square(ops.sum(w)) / 2

    def weights_now(self):
        """w as one vector."""
        return flat([self.first, self.second])


def flat(variables):
    """Variables as one vector, in float64."""
    return np.concatenate([ops.convert_to_numpy(v.value).astype("float64") for v in variables])


def gradient(w, x, coupling=1.0):
    """Of the loss, at w and for a batch of the one row x."""
    return x * w**2 / 2 + coupling * np.sum(w)


def unit(vector):
    """`vector` at length 1."""
    return vector / np.linalg.norm(vector)


def perturbed(w, x, rho=0.5):
    """SAM's gradient."""
    return gradient(w + rho * unit(gradient(w, x)), x)


def trained(method, optimizer=0.1, batches=BATCHES, model=None, **arguments):
    """Weights after a `fit` of one step a row of `batches`, and the model that was fitted.

    Args:
        method: `Method` or its name; `None` to train without one.
        optimizer: Keras optimizer, or the learning rate of a plain SGD.
    """
    model = Cubic() if model is None else model
    sam = model if method is None else keras_sam.SAMModel(model, method=method, **arguments)
    if isinstance(optimizer, float):
        optimizer = keras.optimizers.SGD(optimizer)
    sam.compile(optimizer, loss=mean_output)
    targets = np.zeros((len(batches), 1), "float32")
    sam.fit(batches, targets, batch_size=1, shuffle=False, verbose=0)
    return model.weights_now(), sam


def descended(gradient_of, learning_rate=0.1, batches=BATCHES, start=START):
    """The reference: `w <- w - learning_rate * gradient_of(w, x, t)`, over the batches."""
    w = start
    for t, x in enumerate(batches.astype("float64")):
        w = w - learning_rate * gradient_of(w, x, t)
    return w


def assert_same(actual, expected, atol=1e-5):
    """Equal up to rounding, and not for having stayed where they were."""
    np.testing.assert_allclose(actual, expected, atol=atol)
    assert np.abs(expected - START).max() > 0.01
