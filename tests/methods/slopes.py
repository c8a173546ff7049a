"""A loss whose gradient NumPy can write down, and training on it and on the quadratic."""

import keras
import numpy as np
from keras import ops

import keras_sam
from tests.toys import mean_output

RHO = 0.5
RATE = 0.1


class Slopes(keras.Model):
    """The loss of an example (a, b) is the sum over all weights w of a (w^2/2 + w^4/12) + b w.

    An example is a row of twice as many numbers as there are weights: all a, then all b. Where a
    is 0 the loss is linear and b its gradient.
    """

    def __init__(self, shapes=((2,), (1,))):
        super().__init__()
        self.kernels = [
            self.add_weight(shape=shape, name=f"kernel_{index}")
            for index, shape in enumerate(shapes)
        ]
        flat, stop = start(shapes), 0
        for kernel in self.kernels:
            begin, stop = stop, stop + int(np.prod(kernel.shape))
            kernel.assign(flat[begin:stop].reshape(kernel.shape))
        self.built = True

    def call(self, x):
        w = ops.concatenate([ops.reshape(kernel, (-1,)) for kernel in self.kernels])
        a, b = ops.split(x, 2, axis=-1)
        return ops.sum(a * (w**2 / 2 + w**4 / 12) + b * w, axis=-1, keepdims=True)


def start(shapes=((2,), (1,))):
    """Where `Slopes` starts: all weights, flat, no two of the same magnitude."""
    return np.linspace(1.5, -1.2, sum(int(np.prod(shape)) for shape in shapes))


def gradient(w, rows):
    """Mean gradient of the examples."""
    a, b = np.split(np.asarray(rows, "float64").mean(axis=0), 2)
    return a * (w + w**3 / 3) + b


def loss_of_each(w, rows):
    """Loss of each example."""
    a, b = np.split(np.asarray(rows, "float64"), 2, axis=-1)
    return a @ (w**2 / 2 + w**4 / 12) + b @ w


def curved(count=16, size=3, seed=0):
    """Examples of curved losses."""
    generator = np.random.default_rng(seed)
    a = generator.uniform(0.2, 2.0, (count, size))
    return np.hstack([a, generator.normal(size=(count, size))]).astype("float32")


def linear(slopes):
    """Examples of linear losses with these gradients, a row each."""
    return np.hstack([np.zeros_like(slopes), slopes]).astype("float32")


def ball(vector, rho=RHO):
    """The vector at length rho; zero where it is zero."""
    length = np.linalg.norm(vector)
    return rho * vector / length if length else 0 * vector


def prepared(method, model=None, optimizer=None, state=None, **arguments):
    """A compiled `SAMModel`, of `Slopes` unless told otherwise, with parts of the method's state.

    `None` as the method gives the model itself, compiled.
    """
    model = Slopes() if model is None else model
    sam = model if method is None else keras_sam.SAMModel(model, method=method, **arguments)
    sam.compile(optimizer or keras.optimizers.SGD(RATE), loss=mean_output)
    for name, value in (state or {}).items():
        entry = sam.memory.state[name]
        for variable, part in zip(entry, value) if isinstance(entry, list) else [(entry, value)]:
            variable.assign(np.asarray(part, "float32"))
    return sam


def trained(method, rows, model=None, batch_size=4, epochs=1, **arguments):
    """All weights, flat, after a `fit` on the examples in their order; and the `SAMModel`."""
    sam = prepared(method, model, **arguments)
    target = np.zeros((len(rows), 1), "float32")
    sam.fit(rows, target, batch_size, epochs, verbose=0, shuffle=False)
    return flat(sam.trainable_variables), sam


def on_batch(sam, rows):
    """All weights, flat, after one more batch."""
    sam.train_on_batch(rows, np.zeros((len(rows), 1), "float32"))
    return flat(sam.trainable_variables)


def flat(variables):
    """All entries of some variables."""
    return np.concatenate([np.array(ops.convert_to_numpy(v.value)).ravel() for v in variables])


def batches(rows, size=4):
    """The examples in batches."""
    return [rows[begin : begin + size] for begin in range(0, len(rows), size)]
