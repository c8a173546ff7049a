"""XSAM: the arc from the way up to the gradient there, and where on it the loss is largest."""

import keras
import numpy as np
import pytest

import keras_sam
from keras_sam import ascent, descent, methods
from tests.methods.slopes import RATE, ball, batches, curved, gradient, loss_of_each, start, trained
from tests.selection import one_everywhere
from tests.toys import CURVATURE, mean_output, one_step, quadratic

F1 = np.array([3.0, 2.0])
ISOTROPIC = np.full((4, 2), 2.0, "float32")

# Options, and the gradient that the optimizer must get on the quadratic, rho = 0.5.
ROWS = [
    ({"alpha": 0.0}, (3.494968, 4.659957)),
    ({"alpha": 0.5}, (3.398205, 4.730983)),
    ({"alpha": 1.0}, (3.3, 4.8)),
    ({"alpha": 1.5}, (3.200393, 4.866979)),
    ({"alpha": 2.0}, (3.099428, 4.931891)),
    ({"alpha": 0.5, "steps": 2}, (3.370569, 4.754234)),
    ({"alpha": 1.0, "steps": 2}, (3.295528, 4.806554)),
    ({"rho_max": 0.5}, (3.280189, 4.813560)),
    ({"rho_max": 1.0}, (3.099428, 4.931891)),
]


@pytest.mark.parametrize(("options", "expected"), one_everywhere(ROWS))
def test_gradient_of_one_step(options, expected):
    weights, _ = one_step(methods.XSAM(0.5, **options))
    np.testing.assert_allclose((F1 - weights) / 0.1, expected, atol=3e-5)
    assert options.get("steps") == 2 or np.isclose(
        np.linalg.norm(F1 - weights) / 0.1, 5.824946, rtol=1e-5
    )


def turned(up, ahead, alpha):
    """The unit vector on the arc."""
    cosine = up @ ahead / np.linalg.norm(up) / np.linalg.norm(ahead)
    angle = np.arccos(cosine)
    shares = np.sin((1 - alpha) * angle), np.sin(alpha * angle)
    mixed = shares[0] * ball(up, 1) + shares[1] * ball(ahead, 1)
    return mixed / np.sin(angle)


def xsam(rows, alpha, steps=1, rho_max=0.3, search_every=2, rho=0.5):
    w, chosen = start(), []
    for t, batch in enumerate(batches(rows)):
        up = np.zeros(3)
        for _ in range(steps):
            up = up + ball(gradient(w + up, batch), rho / steps)
        ahead = gradient(w + up, batch)
        if alpha is None and t % search_every == 0:
            grid = np.arange(21) / 10
            losses = [loss_of_each(w + rho_max * turned(up, ahead, a), batch).mean() for a in grid]
            best = grid[np.argmax(losses)] if max(losses) > 0 else 0.0
        used = best if alpha is None else alpha
        chosen.append(used)
        w = w - RATE * np.linalg.norm(ahead) * turned(up, ahead, used)
    return w, chosen


ROWS_OF_SLOPES = curved(count=24)


@pytest.mark.parametrize(("alpha", "steps"), [(0.3, 1), (1.7, 2), (-0.5, 3)])
def test_several_steps(alpha, steps):
    weights, _ = trained(methods.XSAM(0.5, alpha, steps), ROWS_OF_SLOPES)
    np.testing.assert_allclose(weights, xsam(ROWS_OF_SLOPES, alpha, steps)[0], atol=1e-5)


@pytest.mark.parametrize("rho_max", [0.3, 1.0])
def test_looks_for_alpha_and_keeps_it(rho_max):
    method = methods.XSAM(0.5, rho_max=rho_max, search_every=2)
    weights, sam = trained(method, ROWS_OF_SLOPES)
    expected, chosen = xsam(ROWS_OF_SLOPES, None, rho_max=rho_max)
    np.testing.assert_allclose(float(sam.memory.state["alpha"].value), chosen[-1], atol=1e-6)
    np.testing.assert_allclose(weights, expected, atol=1e-5)


@pytest.mark.once
def test_a_loss_that_is_never_positive_leaves_alpha_at_0():
    model, rows = quadratic(), -CURVATURE
    sam = keras_sam.SAMModel(model, method=methods.XSAM(0.5))
    sam.compile(keras.optimizers.SGD(0.1), loss=mean_output)
    sam.train_on_batch(rows, np.zeros((4, 1)))
    assert float(sam.memory.state["alpha"].value) == 0


@pytest.mark.once
def test_parallel_vectors_are_sam_and_no_nan():
    for alpha in (0.0, 0.7, 2.0):
        weights, _ = one_step(methods.XSAM(0.5, alpha), ISOTROPIC)
        np.testing.assert_allclose(weights, one_step(methods.SAM(0.5), ISOTROPIC)[0], atol=1e-6)


@pytest.mark.once
def test_of_a_mask_the_rest_has_the_perturbed_gradient():
    """Orthogonal parts: the way up is in one tensor alone."""
    method = methods.Method(
        ascent.DualNormAscent(),
        descent.InterpolatedGradient(0.5),
        0.5,
        mask=lambda variable: variable.name == "kernel_0",
    )
    rows = curved()[:4]
    w = start()
    up = ball(gradient(w, rows) * (1, 1, 0), 0.5)
    ahead = gradient(w + up, rows)
    expected = w - RATE * np.linalg.norm(ahead) * turned(up, ahead, 0.5)
    np.testing.assert_allclose(trained(method, rows)[0], expected, atol=1e-6)


@pytest.mark.once
def test_options_are_refused_outside_their_range():
    for option in ({"alpha": "1"}, {"rho_max": 0.0}, {"search_every": 0}, {"steps": 0}):
        with pytest.raises(ValueError, match=f"{next(iter(option))} must be .*Received: "):
            methods.XSAM(**option)
