"""Perturbations, by their properties: length, optimality, invariances."""

import math

import keras
import numpy as np
import pytest
from keras import ops

from keras_sam import backend, methods
from keras_sam.ascent import AdaptiveAscent, DualNormAscent, MultiStepAscent
from keras_sam.roles import Role
from keras_sam.training.carriers import Context

ORDERS = [1, 1.001, 1.5, 2, 3, 50, math.inf]
RHO = 0.3
GENERATOR = np.random.default_rng(0)
GRADIENTS = [GENERATOR.normal(size=shape).astype("float32") for shape in [(3, 4), (4,), (2, 2, 5)]]
WEIGHTS = [GENERATOR.normal(size=g.shape).astype("float32") for g in GRADIENTS]


def roles(kinds=("kernel", "bias", "kernel")):
    return [
        Role(keras.Variable(w), kind, filter_axes=(w.ndim - 1,) if w.ndim > 1 else ())
        for w, kind in zip(WEIGHTS, kinds)
    ]


def direction(ascent, gradients=GRADIENTS, weights=WEIGHTS, rho=RHO, kinds=("kernel",) * 3):
    tensors = [[ops.convert_to_tensor(t) for t in vector] for vector in (gradients, weights)]
    outcome = ascent.direction(*tensors, ops.convert_to_tensor(rho), roles(kinds))
    return [ops.convert_to_numpy(t).astype("float64") for t in outcome]


def flat(vector):
    return np.concatenate([np.ravel(tensor) for tensor in vector]).astype("float64")


def p_norm(vector, p):
    largest = np.abs(vector).max()
    return largest if math.isinf(p) else largest * np.sum(np.abs(vector / largest) ** p) ** (1 / p)


@pytest.mark.parametrize("p", ORDERS)
def test_reaches_the_dual_norm_on_the_sphere(p):
    perturbation, gradient = flat(direction(DualNormAscent(p))), flat(GRADIENTS)
    q = math.inf if p == 1 else 1 if math.isinf(p) else p / (p - 1)
    np.testing.assert_allclose(p_norm(perturbation, p), RHO, rtol=1e-5)
    np.testing.assert_allclose(perturbation @ gradient, RHO * p_norm(gradient, q), rtol=1e-5)


@pytest.mark.parametrize("p", ORDERS)
@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_does_not_depend_on_the_loss_scale(p, factor):
    scaled = direction(DualNormAscent(p), [factor * g for g in GRADIENTS])
    np.testing.assert_allclose(flat(scaled), flat(direction(DualNormAscent(p))), rtol=1e-4)


@pytest.mark.parametrize("p", ORDERS)
@pytest.mark.parametrize("ascent", [DualNormAscent, AdaptiveAscent])
def test_of_a_zero_gradient_is_zero(ascent, p):
    perturbation = direction(ascent(p), [np.zeros_like(g) for g in GRADIENTS])
    np.testing.assert_array_equal(flat(perturbation), 0)


def test_ties_share_the_radius_for_p_one():
    gradients = [np.array([2.0, -2.0], "float32"), np.array([1.0, 2.0], "float32")]
    tensors = [ops.convert_to_tensor(g) for g in gradients]
    outcome = DualNormAscent(1).direction(tensors, tensors, ops.convert_to_tensor(0.3), [])
    np.testing.assert_allclose(flat(map(ops.convert_to_numpy, outcome)), [0.1, -0.1, 0, 0.1])


def test_p_one_finds_its_entry_in_a_compiled_step_too():
    """A compiler may divide by multiplying with an inverse, and then `x / x` need not be 1."""

    @backend.compiled
    def longest(gradients):
        return DualNormAscent(1).direction(gradients, gradients, ops.convert_to_tensor(RHO), [])

    for factor in np.linspace(0.3, 3.0, 20):
        gradients = [ops.convert_to_tensor(np.float32(factor) * g) for g in GRADIENTS]
        found = flat(map(ops.convert_to_numpy, longest(gradients)))
        np.testing.assert_allclose(np.abs(found).sum(), RHO, rtol=1e-5, err_msg=str(factor))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_norm_of_half_precision_does_not_overflow(dtype):
    gradients = [ops.cast(np.full((4,), 3e4, "float32"), dtype)]
    outcome = DualNormAscent(2).direction(gradients, gradients, ops.convert_to_tensor(RHO), [])
    np.testing.assert_allclose(ops.convert_to_numpy(outcome[0]), RHO / 2, rtol=1e-2)


@pytest.mark.parametrize("p", ORDERS)
@pytest.mark.parametrize("normalization", ["element", "filter"])
def test_adaptive_length_is_rho_relative_to_the_sizes(p, normalization):
    ascent = AdaptiveAscent(p, eta=0.01, normalization=normalization)
    perturbation = direction(ascent)
    sizes = [np.abs(w) for w in WEIGHTS]
    if normalization == "filter":
        for index in (0, 2):
            axes = tuple(range(WEIGHTS[index].ndim - 1))
            norms = np.sqrt(np.sum(WEIGHTS[index] ** 2, axis=axes, keepdims=True))
            sizes[index] = np.broadcast_to(norms, WEIGHTS[index].shape)
    relative = flat([e / (size + 0.01) for e, size in zip(perturbation, sizes)])
    np.testing.assert_allclose(p_norm(relative, p), RHO, rtol=1e-4)


def test_adaptive_perturbation_follows_a_rescaling_of_the_weights():
    factors = [np.abs(GENERATOR.normal(size=w.shape)).astype("float32") + 0.1 for w in WEIGHTS]
    weights = [w * f for w, f in zip(WEIGHTS, factors)]
    gradients = [g / f for g, f in zip(GRADIENTS, factors)]
    ascent = AdaptiveAscent(eta=0.0)
    expected = flat([e * f for e, f in zip(direction(ascent), factors)])
    np.testing.assert_allclose(flat(direction(ascent, gradients, weights)), expected, rtol=1e-4)
    plain = flat(direction(DualNormAscent(), gradients, weights))
    assert not np.allclose(plain, flat(direction(DualNormAscent())) * flat(factors), rtol=1e-2)


def test_adaptive_leaves_a_weight_of_zero_alone_without_eta():
    weights = [w.copy() for w in WEIGHTS]
    weights[0][0, 0] = 0
    perturbation = direction(AdaptiveAscent(eta=0.0), weights=weights)
    assert perturbation[0][0, 0] == 0 and np.count_nonzero(perturbation[0]) == 11


def test_adaptive_scales_biases_only_when_asked():
    kinds = ("kernel", "bias", "kernel")
    unscaled = direction(AdaptiveAscent(eta=0.0), kinds=kinds)
    scaled = direction(AdaptiveAscent(eta=0.0, scaled="all"), kinds=kinds)
    ratios = unscaled[1] / GRADIENTS[1]
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-4)
    np.testing.assert_allclose(flat(scaled), flat(direction(AdaptiveAscent(eta=0.0))), rtol=1e-5)


class LinearOracle:
    """An oracle whose gradient never changes; counts its evaluations."""

    def __init__(self):
        self.weights = [ops.convert_to_tensor(w) for w in WEIGHTS]
        self.roles = roles(("kernel",) * 3)
        self.asked = 0

    def at(self, perturbation):
        self.asked += 1
        self.gradients = [ops.convert_to_tensor(g) for g in GRADIENTS]
        return self


def climb(ascent, oracle):
    gradients = [ops.convert_to_tensor(g) for g in GRADIENTS]
    outcome = ascent.perturbation(oracle, gradients, Context(ops.convert_to_tensor(RHO)))
    return flat(map(ops.convert_to_numpy, outcome))


@pytest.mark.parametrize("p", [1, 1.5, 2, math.inf])
@pytest.mark.parametrize(
    "options",
    [{}, {"projection": True}, {"projection": True, "step_size": 0.2}, {"momentum": 1.0}],
)
def test_several_steps_up_a_slope_are_one(p, options):
    oracle = LinearOracle()
    perturbation = climb(MultiStepAscent(DualNormAscent(p), steps=3, **options), oracle)
    np.testing.assert_allclose(perturbation, flat(direction(DualNormAscent(p))), rtol=1e-4)
    assert oracle.asked == 2


def test_several_adaptive_steps_stay_in_the_adaptive_ball():
    ascent = MultiStepAscent(AdaptiveAscent(eta=0.0), steps=3, projection=True)
    relative = climb(ascent, LinearOracle()) / flat(WEIGHTS)
    np.testing.assert_allclose(np.linalg.norm(relative), RHO, rtol=1e-4)


def test_the_adaptive_ball_of_multistep_is_that_of_asam_in_ports():
    several = methods.get("multistep", adaptive=True).ascent
    one = methods.get("asam", eta=0.0, scaled="all").ascent
    assert several.step.get_config() == one.get_config()


def test_momentum_remembers_the_gradients_divided_by_their_one_norm():
    class Turning(LinearOracle):
        def at(self, perturbation):
            self.gradients = [ops.convert_to_tensor(-2 * g) for g in GRADIENTS]
            return self

    # m1 = g/|g|, m2 = mu m1 - g/|g|: the second step follows the sign of mu - 1.
    for momentum, expected in ((0.5, 0.0), (2.0, 1.0)):
        ascent = MultiStepAscent(DualNormAscent(math.inf), steps=2, momentum=momentum)
        step = climb(ascent, Turning())
        np.testing.assert_allclose(step, expected * RHO * np.sign(flat(GRADIENTS)), atol=1e-6)
