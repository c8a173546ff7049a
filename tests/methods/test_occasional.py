"""LookSAM and AE-SAM: the full price on some of the updates only."""

import keras
import numpy as np
import pytest

from keras_sam import methods
from tests.methods.cubic import (
    BATCHES,
    START,
    Cubic,
    assert_same,
    descended,
    flat,
    gradient,
    perturbed,
    trained,
    unit,
)
from tests.methods.references import LongGradients
from tests.toys import one_step, quadratic

pytestmark = pytest.mark.once

F1 = np.array([3.0, 2.0])
AFTER_SAM = np.array([2.67, 1.52])  # F1 after a first step of SAM, rho = 0.5 and lr = 0.1.
CURVES = np.array([1.0, 2.0])


class Looking:
    """LookSAM's gradients; `ascent` gives the perturbation."""

    def __init__(self, k, alpha, ascent=lambda w, g: 0.5 * unit(g), start=0):
        self.k, self.alpha, self.ascent, self.start = k, alpha, ascent, start
        self.part = None

    def __call__(self, w, x, t):
        g = gradient(w, x)
        if t >= self.start and (t - self.start) % self.k == 0:
            ahead = gradient(w + self.ascent(w, g), x)
            self.part = ahead - (ahead @ unit(g)) * unit(g)
            return ahead
        if self.part is None:
            return g
        return g + self.alpha * np.linalg.norm(g) * unit(self.part)


def layerwise(w, g):
    """`rho ||w_l|| / ||g_l|| g_l`, rho = 0.2, for the kernel of two and the other weight."""
    parts = slice(0, 2), slice(2, 3)
    return np.concatenate([0.2 * np.linalg.norm(w[part]) * unit(g[part]) for part in parts])


def sharp_part(sam):
    """What LookSAM keeps."""
    return flat(sam.memory.state["sharp_part"])


@pytest.mark.parametrize("k", [2, 5])
def test_looksam_of_two_steps(k):
    method = methods.LookSAM(0.5, k=k, alpha=0.7)
    weights, sam = one_step(method)
    np.testing.assert_allclose(weights, AFTER_SAM, atol=1e-6)
    np.testing.assert_allclose(sharp_part(sam), (-0.192, 0.144), atol=1e-5)
    weights, sam = one_step(method, steps=2)
    np.testing.assert_allclose((AFTER_SAM - weights) / 0.1, (0.404213, 4.739340), atol=1e-5)
    np.testing.assert_allclose(sharp_part(sam), (-0.192, 0.144), atol=1e-5)


@pytest.mark.parametrize("alpha", [0.3, 0.7, 2.0])
def test_looksam_has_the_length_of_two_sides_and_their_angle(alpha):
    weights, sam = one_step(methods.LookSAM(0.5, k=2, alpha=alpha), steps=2)
    handed, g = (AFTER_SAM - weights) / 0.1, CURVES * AFTER_SAM
    cosine = unit(g) @ unit(sharp_part(sam))
    assert abs(cosine) > 0.01
    np.testing.assert_allclose(
        handed @ handed, g @ g * (1 + alpha**2 + 2 * alpha * cosine), rtol=1e-5
    )


def test_looksam_keeps_what_is_across_the_gradient_over_all_tensors():
    _, sam = trained(methods.LookSAM(0.5, k=5), 0.1, BATCHES[:1])
    part, g = sharp_part(sam), gradient(START, BATCHES[0])
    np.testing.assert_allclose(part @ g, 0, atol=1e-5)
    assert abs(part[2] * g[2]) > 0.01  # In a single tensor it is not across.


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (methods.LookSAM(0.5, k=3), Looking(3, 0.7)),
        (methods.LookSAM(0.5, k=2, alpha=1.5), Looking(2, 1.5)),
        (methods.LookSAM(0.5, k=2, start=3), Looking(2, 0.7, start=3)),
        (methods.LookSAM(0.5, k=2, alpha=0.0), Looking(2, 0.0)),
        (methods.LookSAM(0.5, k=10), Looking(10, 0.7)),
        (methods.LookSAM(0.2, k=2, layerwise=True), Looking(2, 0.7, layerwise)),
        (methods.LookSAM(0.2, k=1, layerwise=True), Looking(1, 0.7, layerwise)),
    ],
)
def test_looksam_of_several_steps(method, expected):
    assert_same(trained(method)[0], descended(expected))


def test_looksam_of_the_layers_survives_a_gradient_of_zero():
    model = Cubic(coupling=0.0)
    batch = np.array([[1.0, 2.0, 0.0]], "float32")
    weights, _ = trained(methods.LookSAM(0.2, k=1, layerwise=True), 0.1, batch, model)
    g = batch[0] * START**2 / 2
    start = START + 0.2 * np.linalg.norm(START[:2]) * unit(g)
    np.testing.assert_allclose(weights, START - 0.1 * batch[0] * start**2 / 2, atol=1e-6)


@pytest.mark.parametrize("curve", [0.7, 1.0, 2.0, 3.3])
def test_looksam_of_an_isotropic_loss_rests_on_the_gradient(curve):
    model = quadratic()
    model.kernel.assign([2.9, 1.7])
    batch = np.full((4, 2), curve, "float32")
    weights, _ = one_step(methods.LookSAM(0.5, k=5), batch, steps=4, model=model)
    w = np.array([2.9, 1.7])
    after_sam = w - 0.1 * curve * (w + 0.5 * unit(w))
    np.testing.assert_allclose(weights, after_sam * (1 - 0.1 * curve) ** 3, atol=1e-5)


@pytest.mark.parametrize(
    "method",
    [
        methods.LookSAM(0.5, k=1),
        methods.AESAM(0.5, l1=-1e9, l2=-1e9),
        methods.AESAM(0.5, l1=-1e9, l2=-1e9, total_steps=3),
    ],
)
def test_neutral_settings_are_sam(method):
    adam = keras.optimizers.Adam
    expected, _ = trained(methods.SAM(0.5), adam(0.1))
    assert_same(trained(method, adam(0.1))[0], expected, 1e-6)


def test_looksam_without_weight_is_periodic_sam():
    expected, _ = trained(methods.Periodic(0.5, every=2))
    assert_same(trained(methods.LookSAM(0.5, k=2, alpha=0.0))[0], expected, 1e-6)


@pytest.mark.parametrize("total_steps", [None, 3])
def test_ae_sam_with_a_high_threshold_is_the_optimizer(total_steps):
    expected, _ = trained(None, keras.optimizers.Adam(0.1))
    method = methods.AESAM(0.5, l1=1e9, l2=1e9, total_steps=total_steps)
    assert_same(trained(method, keras.optimizers.Adam(0.1))[0], expected, 1e-6)


@pytest.mark.parametrize(
    "settings",
    [(-1.0, 1.0, 0.7, 3), (-1.0, 2.5, 0.5, None), (1.5, -1.0, 0.5, 6), (-0.5, 0.5, 0.7, 100)],
)
def test_ae_sam_acts_where_the_gradient_is_long(settings):
    policy = LongGradients(*settings)

    def step(w, x, t):
        g = gradient(w, x)
        return perturbed(w, x) if policy.acts(g, t) else g

    expected = descended(step)
    assert set(policy.acted) == {True, False}
    weights, sam = trained(methods.AESAM(0.5, *settings))
    assert_same(weights, expected)
    state = [float(sam.memory.state[f"square_norm_{name}"]) for name in ("mean", "variance")]
    np.testing.assert_allclose(state, [policy.mean, policy.variance], rtol=1e-4)


@pytest.mark.parametrize(
    "setting", [{"decay": 1.0}, {"decay": -0.1}, {"total_steps": 0}, {"l1": float("nan")}]
)
def test_ae_sam_refuses_what_is_out_of_range(setting):
    with pytest.raises(ValueError, match=r"Received: "):
        methods.AESAM(**setting)
