"""Auto-PGD and the projection onto a weighted ball."""

import numpy as np
import pytest

from keras_sam.sharpness import apgd
from keras_sam.sharpness.projection import Ball, EuclideanBall


class Quadratic:
    """1/2 w'Aw around w, in float64; counts its evaluations."""

    def __init__(self, curvature=(1.0, 2.0), weights=(3.0, 2.0)):
        self.curvature, self.weights = np.array(curvature), np.array(weights)
        self.size = len(self.weights)
        self.offsets = []

    def loss_and_gradient(self, offset):
        self.offsets.append(offset)
        point = self.weights + offset
        return float(self.curvature @ point**2) / 2, self.curvature * point


def ball(norm="l2", rho=0.5, scale=(1.0, 1.0), kind=Ball):
    return kind(rho, norm, np.array(scale, "float64"))


BOTH = pytest.mark.parametrize("kind", [Ball, EuclideanBall])


def test_checkpoints():
    # Shares .22, .41, .57, .70, .80, .87, .93, .99 of the budget.
    assert sorted(apgd.checkpoints(100)) == [22, 41, 57, 70, 80, 87, 93, 99]
    assert sorted(apgd.checkpoints(20)) == [5, 9, 12, 14, 16, 18, 19, 20]


@pytest.mark.parametrize(
    ("norm", "scale", "expected"),
    [
        ("l2", (1, 1), 2.7077940),
        ("l2", (3, 2), 7.09189776),
        ("linf", (1, 1), 3.875),
        ("linf", (3, 2), 10.625),
    ],
)
def test_closed_forms(norm, scale, expected):
    objective = Quadratic()
    offset, rise = apgd.ascend(objective, ball(norm, scale=scale), 100)
    assert rise == pytest.approx(expected, abs=6e-8)
    assert np.linalg.norm(offset / scale, 2 if norm == "l2" else np.inf) <= 0.5 + 1e-9
    assert len(objective.offsets) == 101


def test_first_steps_are_those_of_the_paper():
    """From (3, 2): a plain step of 2 rho, then three quarters of a step and some momentum."""
    objective, region = Quadratic(), ball(rho=10.0)  # So large that nothing is projected.
    apgd.ascend(objective, region, 2)
    first = 20 * np.array([0.6, 0.8])
    np.testing.assert_allclose(objective.offsets[1], first * 0.5)  # Back on the ball.
    x1 = first * 0.5
    gradient = objective.curvature * (objective.weights + x1)
    z = region.project(x1 + 20 * gradient / np.linalg.norm(gradient))
    x2 = region.project(x1 + 0.75 * (z - x1) + 0.25 * x1)
    np.testing.assert_allclose(objective.offsets[2], x2, rtol=1e-12)


def test_best_value_seen_is_returned():
    class Wild(Quadratic):
        def loss_and_gradient(self, offset):
            loss, gradient = super().loss_and_gradient(offset)
            return loss - 100 * (len(self.offsets) > 4), gradient

    objective = Wild()
    offset, rise = apgd.ascend(objective, ball(), 20)
    seen = [objective.weights + o for o in objective.offsets[:4]]
    assert rise == max(float(objective.curvature @ p**2) / 2 for p in seen) - 8.5
    assert any(offset is o for o in objective.offsets[:4])


def test_step_size_is_halved_and_the_search_goes_on_from_the_best_point():
    class Hill(Quadratic):
        """A maximum at 0.01 along the first axis: every long step is past it."""

        def loss_and_gradient(self, offset):
            self.offsets.append(offset)
            away = offset - np.array([0.01, 0.0])
            return -float(away @ away), -2 * away

    offset, rise = apgd.ascend(Hill(), ball(), 100)
    assert rise > 0
    assert np.linalg.norm(offset - [0.01, 0]) < 0.01


@pytest.mark.parametrize("seed", range(5))
def test_projection_is_the_nearest_point(seed):
    generator = np.random.default_rng(seed)
    scale, offset = generator.uniform(0.01, 3, 30), 3 * generator.normal(size=30)
    found = EuclideanBall(0.7, "l2", scale).project(offset)
    assert np.linalg.norm(found / scale) == pytest.approx(0.7, rel=1e-10)
    # What is left is normal to the ball, so no point of it is nearer.
    multiplier = (offset - found) * scale**2 / found
    np.testing.assert_allclose(multiplier, multiplier[0], rtol=1e-6)
    assert multiplier[0] > 0
    rescaled = Ball(0.7, "l2", scale).project(offset)
    np.testing.assert_allclose(rescaled, offset * 0.7 / np.linalg.norm(offset / scale))
    assert np.linalg.norm(offset - found) < np.linalg.norm(offset - rescaled)


@BOTH
def test_projection_leaves_what_is_inside(kind):
    region = kind(0.7, "l2", np.array([1.0, 2.0, 0.0]))
    np.testing.assert_array_equal(region.project(np.array([0.3, 0.4, 0.0])), [0.3, 0.4, 0])


@BOTH
def test_projection_of_equal_scales_shortens(kind):
    np.testing.assert_allclose(
        ball(scale=(2, 2), kind=kind).project(np.array([3.0, 4.0])), [0.6, 0.8]
    )


@BOTH
@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_a_scale_of_zero_allows_no_offset(norm, kind):
    region = ball(norm, scale=(0.0, 1.0), kind=kind)
    np.testing.assert_array_equal(region.project(np.array([5.0, 9.0])), [0, 0.5])
    np.testing.assert_array_equal(region.steepest(np.array([5.0, 9.0])), [0, 0.5])
    assert ball(norm, 0.0, kind=kind).project(np.array([1.0, 1.0])).tolist() == [0, 0]


@BOTH
@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_no_gradient_no_step(norm, kind):
    assert ball(norm, kind=kind).steepest(np.zeros(2)).tolist() == [0, 0]
    assert ball(norm, kind=kind).direction(np.zeros(2)).tolist() == [0, 0]


def test_steepest_is_the_maximiser_of_the_linearised_loss():
    generator = np.random.default_rng(0)
    scale, gradient = generator.uniform(0.1, 3, 10), generator.normal(size=10)
    for norm, order in (("l2", 2), ("linf", np.inf)):
        best = Ball(0.7, norm, scale).steepest(gradient)
        assert np.linalg.norm(best / scale, order) == pytest.approx(0.7)
        for _ in range(100):
            other = generator.normal(size=10)
            other *= 0.7 / np.linalg.norm(other, order)
            assert gradient @ (scale * other) <= gradient @ best
