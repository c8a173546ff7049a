"""Lookahead-SAM, Opt-SAM, AO-SAM and Lookbehind-SAM: they look where the weights are going."""

import keras
import numpy as np
import pytest

from keras_sam import SAMModel, methods
from tests.methods.cubic import (
    BATCHES,
    START,
    assert_same,
    descended,
    flat,
    gradient,
    perturbed,
    trained,
    unit,
)
from tests.methods.references import LongGradients, rate, schedule
from tests.toys import CURVATURE, NO_TARGET, mean_output, one_step, quadratic

pytestmark = pytest.mark.once

F1 = np.array([3.0, 2.0])
POLICY = {"l1": -1.0, "l2": 2.0, "decay": 0.5, "total_steps": 4}
SLOPE = np.array([3.3, 4.8])  # SAM's gradient on F1, and the next one of Lookbehind.
NEXT_SLOPE = SLOPE + 0.5 * np.array([1, 2]) * SLOPE / np.hypot(*SLOPE)


def extra(w, x, step, rho=0.5):
    g = gradient(w, x)
    return gradient(w + rho * unit(g) - step * g, x)


class Optimistic:
    """Opt-SAM's gradients; the plain ones at the point ahead where it does not act."""

    def __init__(self, step, rho=0.5, acts=lambda g, t: True):
        self.step, self.rho, self.acts, self.last = step, rho, acts, np.zeros(3)

    def __call__(self, w, x, t):
        ahead = w - (rate(t) if self.step is None else self.step) * self.last
        is_active = self.acts(gradient(ahead, x), t)
        self.last = perturbed(ahead, x, self.rho) if is_active else gradient(ahead, x)
        return self.last


class Behind:
    """Lookbehind-SAM, with slow and fast weights."""

    def __init__(self, k, alpha, momentum=0.0, every=1, rho=0.5):
        self.k, self.alpha, self.momentum, self.every, self.rho = k, alpha, momentum, every, rho
        self.velocity = np.zeros(3)

    def pushed(self, g, t):
        self.velocity = self.momentum * self.velocity + g
        return rate(t) * self.velocity

    def __call__(self, slow, x, t):
        if t % self.every:
            return self.pushed(gradient(slow, x), t)
        high, path = slow, [slow]
        for _ in range(self.k):
            high = high + self.rho * unit(gradient(high, x))
            path.append(path[-1] - self.pushed(gradient(high, x), t))
        return -self.share(path[1] - slow, path[-1] - slow) * (path[-1] - slow)

    def share(self, first, last):
        if self.alpha != "adaptive":
            return self.alpha
        kernel, other = slice(0, 2), slice(2, 3)
        cosines = [unit(first[part]) @ unit(last[part]) for part in (kernel, other)]
        return (np.array([cosines[0], cosines[0], cosines[1]]) + 1) / 2


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        # rho / ||g|| = step: the two moves cancel, and it is plain descent.
        (methods.LookaheadSAM(0.5, step=0.1), (3.0, 4.0)),
        (methods.LookaheadSAM(0.5), (3.0, 4.0)),
        (methods.LookaheadSAM(0.5, step=0.05), (3.15, 4.4)),
        (methods.LookaheadSAM(0.5, step=0.0), (3.3, 4.8)),
        (methods.LookaheadSAM(0.0, step=0.2), (2.4, 2.4)),
        (methods.OptSAM(0.5), (3.3, 4.8)),
        (methods.AOSAM(0.5, l1=-1e9, l2=-1e9), (3.3, 4.8)),
        (methods.AOSAM(0.5, l1=1e9, l2=1e9), (3.0, 4.0)),
        (methods.Lookbehind(0.5, k=1, alpha=1.0), (3.3, 4.8)),
        (methods.Lookbehind(0.5, k=1, alpha=0.2), (0.66, 0.96)),
        (methods.Lookbehind(0.5, k=1, alpha="adaptive"), (3.3, 4.8)),
        (methods.Lookbehind(0.5, k=2, alpha=0.5), (SLOPE + NEXT_SLOPE) / 2),
        (methods.Lookbehind(0.5, 2, 0.5, momentum=0.9), (1.9 * SLOPE + NEXT_SLOPE) / 2),
    ],
)
def test_gradient_of_one_step(method, expected):
    weights, _ = one_step(method)
    np.testing.assert_allclose((F1 - weights) / 0.1, expected, atol=1e-5)


def test_opt_sam_climbs_from_a_step_down_the_last_gradient():
    model = quadratic()
    sam = SAMModel(model, method=methods.OptSAM(0.5, step=0.1))
    sam.memory.state["last_gradient"][0].assign([15.0, 10.0])  # Back to (1.5, 1), half of F1.
    sam.compile(keras.optimizers.SGD(0.1), loss=mean_output)
    sam.fit(CURVATURE, NO_TARGET, verbose=0)
    np.testing.assert_allclose(flat([model.kernel]), F1 - 0.1 * np.array([1.8, 2.8]), atol=1e-6)
    np.testing.assert_allclose(flat(sam.memory.state["last_gradient"]), (1.8, 2.8), atol=1e-5)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (methods.LookaheadSAM(0.5, step=0.3), lambda w, x, t: extra(w, x, 0.3)),
        (methods.LookaheadSAM(0.5), lambda w, x, t: extra(w, x, rate(t))),
        (methods.LookaheadSAM(0.0), lambda w, x, t: extra(w, x, rate(t), 0.0)),
        (methods.OptSAM(0.5, step=0.3), Optimistic(0.3)),
        (methods.OptSAM(0.5), Optimistic(None)),
        (methods.OptSAM(0.0, step=0.3), Optimistic(0.3, 0.0)),
        (methods.AOSAM(0.5, l1=-1e9, l2=-1e9), Optimistic(None)),
        (methods.AOSAM(0.5, l1=1e9, l2=1e9), Optimistic(None, 0.0)),
    ],
)
def test_several_steps(method, expected):
    def step(w, x, t):
        return rate(t) * expected(w, x, t)

    weights, _ = trained(method, keras.optimizers.SGD(schedule()))
    assert_same(weights, descended(step, 1.0))


def test_ao_sam_acts_where_the_gradient_ahead_is_long():
    policy = LongGradients(**POLICY)
    expected = descended(Optimistic(0.2, 0.5, policy.acts))
    assert set(policy.acted) == {True, False}
    weights, sam = trained(methods.AOSAM(0.5, step=0.2, **POLICY))
    assert_same(weights, expected)
    np.testing.assert_allclose(sam.memory.state["square_norm_mean"], policy.mean, rtol=1e-4)


@pytest.mark.parametrize(
    "method",
    [
        methods.LookaheadSAM(0.5, step=0.0),
        methods.OptSAM(0.5, step=0.0),
        methods.AOSAM(0.5, step=0.0, l1=-1e9, l2=-1e9),
        methods.Lookbehind(0.5, k=1, alpha=1.0),
        methods.Lookbehind(0.5, k=1, alpha="adaptive"),
    ],
)
def test_neutral_settings_are_sam(method):
    adam = keras.optimizers.Adam
    expected, _ = trained(methods.SAM(0.5), adam(0.1))
    assert_same(trained(method, adam(0.1))[0], expected, 1e-6)


@pytest.mark.parametrize("alpha", [1.0, "adaptive"])
def test_lookbehind_of_one_step_with_momentum_is_sam_with_momentum(alpha):
    expected, _ = trained(methods.SAM(0.5), keras.optimizers.SGD(0.1, momentum=0.9))
    assert_same(trained(methods.Lookbehind(0.5, 1, alpha, momentum=0.9))[0], expected, 1e-6)


@pytest.mark.parametrize("settings", [(2, 0.5), (3, 0.2), (3, "adaptive")])
@pytest.mark.parametrize("momentum", [0.0, 0.8])
@pytest.mark.parametrize("every", [1, 2])
def test_lookbehind_is_slow_weights_behind_fast_ones(settings, momentum, every):
    method = methods.Lookbehind(0.3, *settings, momentum=momentum, every=every)
    weights, _ = trained(method, keras.optimizers.SGD(schedule()))
    assert_same(weights, descended(Behind(*settings, momentum, every, 0.3), 1.0))


@pytest.mark.parametrize("settings", [{"momentum": 0.9}, {"weight_decay": 0.1}, None])
def test_lookbehind_with_momentum_wants_a_plain_optimizer(settings):
    def optimizer():
        sgd, adam = keras.optimizers.SGD, keras.optimizers.Adam
        return adam(0.1) if settings is None else sgd(0.1, **settings)

    with pytest.raises(ValueError, match=r"momentum to the method.*Received: optimizer="):
        trained(methods.Lookbehind(momentum=0.9), optimizer())
    weights, _ = trained(methods.Lookbehind(momentum=0.0), optimizer(), BATCHES[:1])
    assert np.abs(weights - START).max() > 0.01
