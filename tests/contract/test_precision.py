"""Half and double precision: the base model's policy holds, and an overflow skips the step."""

import functools

import keras
import numpy as np
import pytest
from keras import ops

import keras_sam
from keras_sam import methods
from tests.toys import CURVATURE, NO_TARGET, Quadratic, mean_output, mlp, values, vectors

ONES = np.ones((4, 1), "float32")


def mlp_under(policy, weights):
    """An `mlp` of a policy that is no longer the global one."""
    keras.config.set_dtype_policy(policy)
    model = mlp()
    keras.config.set_dtype_policy("float32")
    model.set_weights(weights)
    return model


@functools.cache
def step_under(policy):
    """What one step of a policy subtracts from the weights, in one vector; its loss, its model."""
    keras.utils.set_random_seed(0)
    model = keras_sam.SAMModel(mlp_under(policy, mlp().get_weights()), 0.2)
    before = values(model.trainable_variables)
    # A small loss, whose gradient times the loss scale is within float16.
    model.compile(keras.optimizers.SGD(1.0), "mse", loss_weights=[0.01])
    logs = model.train_on_batch(*vectors(), return_dict=True)
    after = values(model.trainable_variables)
    step = [(a.astype("float64") - b).ravel() for a, b in zip(before, after, strict=True)]
    return np.concatenate(step), logs["loss"], model


# JAX has no float64 unless told so, and warns of it.
@pytest.mark.filterwarnings("ignore:Explicitly requested dtype float64:UserWarning")
@pytest.mark.parametrize(
    ("policy", "tolerance"), [("mixed_float16", 3e-3), ("mixed_bfloat16", 3e-2), ("float64", 1e-6)]
)
def test_step_is_that_of_float32(policy, tolerance):
    """Gradient and loss are free of the loss scale, which is 2^15 with `mixed_float16`."""
    expected, expected_loss, _ = step_under("float32")
    step, loss, sam = step_under(policy)
    assert np.linalg.norm(step - expected) < tolerance * np.linalg.norm(expected)
    assert loss == pytest.approx(expected_loss, rel=tolerance)
    is_scaled = isinstance(sam.optimizer, keras.optimizers.LossScaleOptimizer)
    assert is_scaled == (policy == "mixed_float16")
    dtypes = {variable.dtype for variable in (sam.rho, *sam.trainable_variables)}
    assert dtypes == {"float64" if policy == "float64" else "float32"}


class Cliff(keras.Model):
    """Output x (w + s exp(1000 s w)): slope x, until it overflows at a weight of the sign s."""

    def __init__(self, sign):
        super().__init__(dtype="mixed_float16")
        self.sign = sign
        self.kernel = self.add_weight(shape=(), name="kernel", initializer="zeros")
        self.built = True

    def call(self, x):
        return x * (self.kernel + self.sign * ops.exp(self.sign * 1000.0 * self.kernel))


# Sign of the overflow, and a weight from which rho = 0.5 leads into it or out of it.
CLEAN_OVERFLOWS, PERTURBED_OVERFLOWS = (-1.0, -0.1), (1.0, -0.1)


@pytest.mark.parametrize("overflow", [CLEAN_OVERFLOWS, PERTURBED_OVERFLOWS])
@pytest.mark.parametrize("name", ["sam", "fgsm"])  # FGSM's perturbation is finite in any case.
def test_overflow_in_either_pass_skips_the_step(name, overflow):
    sign, weight = overflow
    model = Cliff(sign)
    sam = keras_sam.SAMModel(model, 0.5, name, log_sharpness=True)
    sam.compile(keras.optimizers.SGD(0.1), mean_output)
    model.kernel.assign(weight)
    rho, scale = values([sam.rho])[0], float(sam.optimizer.scale_loss(1.0))

    logs = sam.train_on_batch(ONES, NO_TARGET, return_dict=True)
    np.testing.assert_array_equal(values([model.kernel, sam.rho]), [np.float32(weight), rho])
    assert int(sam.optimizer.iterations) == 0
    assert float(sam.optimizer.scale_loss(1.0)) == scale / 2
    assert np.all(np.isfinite([logs["sharpness"], logs["grad_norm"], logs["perturbation_norm"]]))

    # Far from the cliff on its flat side the next step is made.
    model.kernel.assign(-2.0 * sign)
    sam.train_on_batch(ONES, NO_TARGET)
    np.testing.assert_allclose(values([model.kernel])[0], -2.0 * sign - 0.1, atol=1e-5)
    assert int(sam.optimizer.iterations) == 1
    assert float(sam.optimizer.scale_loss(1.0)) == scale / 2


class HiddenCliff(keras.Model):
    """Output x a + b exp(-1000 a), where a does not see what makes the slope of b overflow."""

    def __init__(self):
        super().__init__(dtype="mixed_float16")
        self.kernel = self.add_weight(shape=(), name="kernel", initializer="zeros")
        self.bias = self.add_weight(shape=(), name="bias", initializer="ones")
        self.built = True

    def call(self, x):
        return x * self.kernel + self.bias * ops.stop_gradient(ops.exp(-1000.0 * self.kernel))


def test_overflow_that_no_perturbed_weight_sees_skips_the_step():
    """All that the second pass gives is finite: the first one alone can tell."""
    model = HiddenCliff()
    sam = keras_sam.SAMModel(model, method=methods.SAM(0.5, mask=lambda v: v.name == "kernel"))
    sam.compile(keras.optimizers.SGD(0.1), mean_output)
    model.kernel.assign(-0.1)
    sam.train_on_batch(ONES, NO_TARGET)
    np.testing.assert_array_equal(values([model.kernel, model.bias]), np.float32([-0.1, 1.0]))
    assert int(sam.optimizer.iterations) == 0


def test_overflow_in_one_micro_batch_skips_the_step():
    model = Cliff(1.0)
    sam = keras_sam.SAMModel(model, 0.5, num_batch_splits=2)
    sam.compile(keras.optimizers.SGD(0.1), mean_output)
    model.kernel.assign(-0.1)
    # A loss that falls with the weight is perturbed away from the cliff.
    sam.train_on_batch(ONES * [[-1.0], [-1.0], [1.0], [1.0]], NO_TARGET)
    assert values([model.kernel])[0] == np.float32(-0.1)
    assert int(sam.optimizer.iterations) == 0


def measured_quadratic(policy, method, rows, learning_rate):
    """The quadratic's weights and logs after an update for each row, under a policy."""
    model = Quadratic(dtype=policy)
    model.build()
    sam = keras_sam.SAMModel(model, method=method, log_sharpness=True)
    sam.compile(keras.optimizers.SGD(learning_rate), mean_output)
    fit = sam.fit(rows, NO_TARGET[: len(rows)], batch_size=1, verbose=0)
    return values([model.kernel])[0], {key: value[0] for key, value in fit.history.items()}


def test_sharpness_under_loss_scaling_is_that_of_active_steps():
    """Steps that overflow at first (4 times 2^15 is beyond float16) do not count either."""
    _, logs = measured_quadratic("mixed_float16", methods.Periodic(0.5, every=2), CURVATURE, 0.0)
    measured = [logs[key] for key in ("loss", "sharpness", "grad_norm", "perturbation_norm")]
    np.testing.assert_allclose(measured, [8.5, 2.705, 5.0, 0.5], rtol=1e-2)


def test_norm_of_large_float16_gradients_is_finite():
    """The gradient is (300, 400), and its squares are beyond float16."""
    weights, logs = measured_quadratic("float16", methods.SAM(0.5), 100 * CURVATURE[:1], 1e-3)
    np.testing.assert_allclose(
        [logs["grad_norm"], logs["perturbation_norm"]], [500, 0.5], rtol=1e-3
    )
    np.testing.assert_allclose(weights, [2.67, 1.52], rtol=2e-3)
