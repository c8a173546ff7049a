"""What the compiled optimizer does acts on the descent gradient, at unperturbed weights.

The loss is `1/2 w'Aw` with A = diag(1, 2, 3) over two variables, so SAM's gradient is known in
NumPy; a plain Keras optimizer gets it, and every weight and slot must come out the same.
"""

import keras
import numpy as np
import pytest
from keras import ops
from keras.optimizers import SGD, AdamW, schedules

import keras_sam
from tests.toys import mean_output, values

CURVATURE = np.array([1.0, 2.0, 3.0], "float32")
START = ([3.0, -2.0], [1.5])
OTHER = np.array([2.0, 0.5, 1.0], "float32")


class TwoVariables(keras.Model):
    """Output 1/2 x.w^2 over the entries of two variables; x supplies the curvature."""

    def build(self, input_shape=None):
        self.left = self.add_weight(shape=(2,), name="left")
        self.right = self.add_weight(shape=(1,), name="right")
        self.left.assign(START[0])
        self.right.assign(START[1])
        self.built = True

    def call(self, x):
        weights = ops.concatenate([self.left.value, self.right.value])
        return ops.sum(x * ops.square(weights), axis=-1, keepdims=True) / 2


def gradient_by_numpy(weights, curvature, rho):
    """SAM's gradient `A (w + rho g / |g|)`, as a list in the variables' shapes."""
    flat = np.concatenate(weights)
    clean = curvature * flat
    perturbed = curvature * (flat + rho * clean / np.linalg.norm(clean))
    return [perturbed[:2], perturbed[2:]]


def by_hand(optimizer, rhos, curvatures=(CURVATURE,)):
    """Values after plain `optimizer.apply` of SAM's gradient, one step for each of `rhos`."""
    variables = [keras.Variable(np.array(start, "float32")) for start in START]
    optimizer.build(variables)
    for step, rho in enumerate(rhos):
        curvature = curvatures[step % len(curvatures)]
        scale = optimizer.scale_loss(1.0)  # `apply` divides by it.
        gradients = gradient_by_numpy(values(variables), curvature, rho)
        optimizer.apply([ops.convert_to_tensor(scale * g) for g in gradients], variables)
    optimizer.finalize_variable_values(variables)
    return values(variables) + values(optimizer.variables)


def by_fit(optimizer, steps, curvatures=(CURVATURE,), callbacks=None, **arguments):
    """Values after a real `fit`, with one batch of one row for each step."""
    model = TwoVariables()
    model.build()
    sam = keras_sam.SAMModel(model, **arguments)
    sam.compile(optimizer, loss=mean_output)
    x = np.stack([curvatures[step % len(curvatures)] for step in range(steps)])
    y = np.zeros((steps, 1), "float32")
    sam.fit(x, y, batch_size=1, shuffle=False, verbose=0, callbacks=callbacks)
    return values(model.trainable_variables) + values(optimizer.variables)


def assert_same(actual, expected):
    assert len(actual) == len(expected)
    for left, right in zip(actual, expected):
        np.testing.assert_allclose(left, right, rtol=2e-5, atol=1e-6)


OPTIMIZERS = {
    "clipnorm": lambda: SGD(0.1, clipnorm=1.0),
    "global_clipnorm": lambda: SGD(0.1, global_clipnorm=2.0),
    "clipvalue": lambda: SGD(0.1, clipvalue=3.5),
    "weight_decay": lambda: AdamW(0.1, weight_decay=0.2),
    "momentum": lambda: SGD(0.1, momentum=0.9, nesterov=True),
    "ema": lambda: SGD(0.1, use_ema=True, ema_momentum=0.5),
    "ema_overwrite": lambda: SGD(0.1, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2),
    "accumulation": lambda: SGD(0.1, momentum=0.9, gradient_accumulation_steps=2),
    "accumulation_and_clipping": lambda: SGD(0.1, clipvalue=3.5, gradient_accumulation_steps=2),
    "loss_scale_factor": lambda: SGD(0.1, loss_scale_factor=64.0),
    "schedule": lambda: SGD(schedules.PiecewiseConstantDecay([0, 1], [0.1, 0.01, 0.3])),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer_gets_the_descent_gradient(name):
    actual = by_fit(OPTIMIZERS[name](), 4, rho=0.5)
    assert_same(actual, by_hand(OPTIMIZERS[name](), [0.5] * 4))


def test_the_clipping_above_does_clip():
    gradients = gradient_by_numpy(START, CURVATURE, 0.5)
    assert max(np.abs(g).max() for g in gradients) > 3.5
    assert min(np.linalg.norm(g) for g in gradients) > 2.0


def test_accumulation_is_the_mean_over_micro_batches_of_their_own_sam_gradients():
    curvatures = (CURVATURE, OTHER)
    accumulated = by_fit(SGD(0.1, gradient_accumulation_steps=2), 4, curvatures, rho=0.5)[:2]
    model = TwoVariables()
    model.build()
    sam = keras_sam.SAMModel(model, rho=0.5, num_batch_splits=2)
    sam.compile(SGD(0.1), loss=mean_output)
    x = np.stack(curvatures * 2)
    sam.fit(x, np.zeros((4, 1)), batch_size=2, shuffle=False, verbose=0)
    assert_same(accumulated, values(model.trainable_variables))


def test_every_counts_updates_not_micro_steps():
    def optimizer():
        return SGD(0.1, gradient_accumulation_steps=2)

    actual = by_fit(optimizer(), 6, method=keras_sam.methods.Periodic(0.5, every=2))
    assert_same(actual, by_hand(optimizer(), [0.5, 0.5, 0.0, 0.0, 0.5, 0.5]))


def test_start_counts_updates_not_micro_steps():
    def optimizer():
        return SGD(0.1, gradient_accumulation_steps=2)

    actual = by_fit(optimizer(), 4, method=keras_sam.methods.Late(0.5, start=1))
    assert_same(actual, by_hand(optimizer(), [0.0, 0.0, 0.5, 0.5]))


def test_rho_schedule_over_iterations_is_clamped_at_zero():
    schedule = schedules.PiecewiseConstantDecay([0, 1, 2], [0.5, 0.2, -3.0, 0.7])
    actual = by_fit(SGD(0.1), 4, rho=schedule)
    assert_same(actual, by_hand(SGD(0.1), [0.5, 0.2, 0.0, 0.7]))


def test_rho_schedule_counts_updates_under_accumulation():
    def optimizer():
        return SGD(0.1, gradient_accumulation_steps=2)

    schedule = schedules.PiecewiseConstantDecay([0], [0.5, 0.2])
    actual = by_fit(optimizer(), 4, rho=schedule)
    assert_same(actual, by_hand(optimizer(), [0.5, 0.5, 0.2, 0.2]))


class SetRho(keras.callbacks.Callback):
    """Assigns the radius of the next step, in the two ways that users write it."""

    def __init__(self, rhos):
        super().__init__()
        self.rhos = rhos

    def on_train_batch_end(self, batch, logs=None):
        if batch % 2:
            self.model.rho = self.rhos[batch]
        else:
            self.model.rho.assign(self.rhos[batch])


def test_rho_from_a_callback_acts_in_the_next_step():
    callback = SetRho([0.2, 1.0, 0.0, 9.0])
    actual = by_fit(SGD(0.1), 4, rho=0.5, callbacks=[callback])
    assert_same(actual, by_hand(SGD(0.1), [0.5, 0.2, 1.0, 0.0]))


def test_rho_from_a_callback_does_not_retrace(backend):
    if backend == "torch":
        pytest.skip("PyTorch does not trace: the model's call runs on every step")
    calls = []

    class Counting(TwoVariables):
        def call(self, x):
            calls.append(1)
            return super().call(x)

    model = Counting()
    model.build()
    sam = keras_sam.SAMModel(model, rho=0.5)
    sam.compile(SGD(0.1), loss=mean_output)
    x, y = np.stack([CURVATURE] * 4), np.zeros((4, 1))
    sam.fit(x[:1], y[:1], batch_size=1, verbose=0)
    traced = len(calls)
    sam.fit(x, y, batch_size=1, verbose=0, callbacks=[SetRho([0.2, 1.0, 0.0, 9.0])])
    assert len(calls) == traced > 0
