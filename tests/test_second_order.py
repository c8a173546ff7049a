"""The second-order gradient is the derivative of L(w + e(w))."""

import math

import keras
import numpy as np
import pytest
from keras import ops

import keras_sam
from keras_sam.ascent import AdaptiveAscent, DualNormAscent
from keras_sam.descent import SecondOrderGradient
from tests.selection import one_everywhere
from tests.toys import mean_output, one_step

START = np.array([0.9, -1.2, 0.5, 1.6])
RHO = 0.3


class Quartic(keras.Model):
    """Loss `sum w^4 / 12 + (sum w)^2 / 2`, with a full Hessian that changes with w."""

    def build(self, input_shape=None):
        self.first = self.add_weight(name="kernel", shape=(2,))
        self.second = self.add_weight(name="other", shape=(2,))
        self.first.assign(START[:2])
        self.second.assign(START[2:])
        self.built = True

    def call(self, x):
        w = ops.concatenate([self.first, self.second])
        value = ops.sum(w**4) / 12 + ops.square(ops.sum(w)) / 2
        return value * ops.ones_like(x)


def loss(w):
    return np.sum(w**4) / 12 + np.sum(w) ** 2 / 2


def gradient(w):
    return w**3 / 3 + np.sum(w)


def unit(w, p, chosen):
    g = gradient(w) * chosen
    q = 1 if math.isinf(p) else p / (p - 1)
    length = np.sum(np.abs(g) ** q) ** (1 if math.isinf(p) else 1 / p)
    power = np.where(g == 0, 0, np.abs(g) ** (q - 1))
    return RHO * np.sign(g) * power / (1 if math.isinf(p) else length)


def adaptive(w, p, chosen):
    g, size = gradient(w) * chosen, np.abs(w) + 0.01
    return RHO * size**2 * g / np.linalg.norm(size * g)


def climbed(w, steps, direction, p, chosen):
    """What `steps` steps of a part of the radius add, the ball being that at w."""
    total = np.zeros(4)
    for _ in range(steps):
        total = total + direction(w + total, p, chosen) / steps
    return total


def adaptive_at(w):
    """`adaptive` with the sizes of w, wherever the gradient is."""
    size = np.abs(w) + 0.01

    def direction(at, p, chosen):
        g = gradient(at) * chosen
        return RHO * size**2 * g / np.linalg.norm(size * g)

    return direction


def finite_difference(function, w, step=1e-6):
    basis = np.eye(len(w)) * step
    return np.array([(function(w + b) - function(w - b)) / (2 * step) for b in basis])


ALL = np.ones(4)
FIRST = np.array([1.0, 1.0, 0.0, 0.0])
CASES = [
    (DualNormAscent(2), unit, 2, None, ALL),
    (DualNormAscent(1.5), unit, 1.5, None, ALL),
    (DualNormAscent(3), unit, 3, None, ALL),
    (DualNormAscent(math.inf), unit, math.inf, None, ALL),
    (AdaptiveAscent(eta=0.01), adaptive, 2, None, ALL),
    (DualNormAscent(2), unit, 2, lambda v: v.name == "kernel", FIRST),
]


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize(("ascent", "reference", "p", "mask", "chosen"), one_everywhere(CASES))
def test_is_the_derivative_of_the_perturbed_loss(ascent, reference, p, mask, chosen, steps):
    model = Quartic()
    model.build()
    method = keras_sam.methods.Method(ascent, SecondOrderGradient(steps), RHO, mask=mask)
    sam = keras_sam.SAMModel(model, method=method)
    sam.compile(keras.optimizers.SGD(1.0), loss=mean_output)
    sam.train_on_batch(np.ones((2, 1)), np.ones((2, 1)))
    after = np.concatenate([ops.convert_to_numpy(v.value) for v in model.trainable_variables])

    def objective(w):
        direction = adaptive_at(w) if reference is adaptive else reference
        return loss(w + climbed(w, steps, direction, p, chosen))

    np.testing.assert_allclose(START - after, finite_difference(objective, START), atol=2e-5)


def test_asam_of_the_quadratic():
    ascent = AdaptiveAscent(eta=0.0, scaled="all")
    weights, _ = one_step(keras_sam.methods.Method(ascent, SecondOrderGradient(), 0.5))
    np.testing.assert_allclose((np.array([3, 2]) - weights) / 0.1, (5.702287, 7.037194), atol=1e-5)


def test_of_a_zero_gradient_is_zero():
    model = Quartic()
    model.build()
    for variable in model.trainable_variables:
        variable.assign(np.zeros(2))
    sam = keras_sam.SAMModel(model, method="second_order")
    sam.compile(keras.optimizers.SGD(1.0), loss=mean_output)
    sam.train_on_batch(np.ones((2, 1)), np.ones((2, 1)))
    for variable in model.trainable_variables:
        np.testing.assert_array_equal(ops.convert_to_numpy(variable.value), 0)


def test_refuses_an_ascent_of_several_steps():
    with pytest.raises(ValueError, match=r"closed form.*Received: ascent=MultiStepAscent"):
        keras_sam.methods.Method(keras_sam.ascent.MultiStepAscent(), SecondOrderGradient())
    with pytest.raises(
        ValueError, match=r"steps must be an integer of at least 1.*Received: steps"
    ):
        keras_sam.methods.SecondOrder(steps=0)


def test_of_p_inf_the_steps_are_those_of_fgsm():
    ends = [
        one_step(keras_sam.methods.get(name, rho=0.1, steps=3, **options), steps=2)[0]
        for name, options in (("second_order", {"p": math.inf}), ("fgsm", {}))
    ]
    np.testing.assert_allclose(*ends, rtol=1e-6)
