"""SAMPa, in the order of the authors' code: each step comes back to the batch before."""

import keras
import numpy as np
import pytest

from keras_sam import methods
from tests.methods.slopes import (
    RATE,
    ball,
    batches,
    curved,
    gradient,
    linear,
    start,
    trained,
)
from tests.toys import one_step, quadratic

pytestmark = pytest.mark.once

ROWS = curved()


def reference(parts, lam=0.2, momentum=0.0, rho=0.5):
    """Of each batch the gradient ahead; from the second on the one before's, perturbed."""
    w, before, known = start(), None, np.zeros(3)
    buffer = np.zeros(3)
    for batch in parts:
        ahead = gradient(w - RATE * (known + momentum * buffer), batch)
        out = ahead
        if before is not None:
            out = (1 - lam) * gradient(w + ball(known, rho), before) + lam * ahead
        buffer = momentum * buffer + out
        w, before, known = w - RATE * buffer, batch, ahead
    return w


# Weights of the quadratic after the batches, rho = 0.5, lam = 0.2, learning rate 0.1.
FIXTURE = [
    ([(1, 2)], (2.7, 1.6)),
    ([(1, 2), (1, 2)], (2.412, 1.232)),
    ([(1, 2), (2, 1)], (2.364, 1.256)),
    ([(1, 2), (2, 1), (1, 2)], (1.870469, 1.100379)),
]


@pytest.mark.parametrize(("curvatures", "expected"), FIXTURE)
def test_weights_after_batches_that_differ(curvatures, expected):
    rows = np.repeat(np.array(curvatures, "float32"), 4, axis=0)
    weights, _ = trained(methods.SAMPa(0.5), rows, quadratic())
    np.testing.assert_allclose(weights, expected, atol=1e-5)


@pytest.mark.parametrize(("lam", "momentum"), [(0.2, 0.0), (0.2, 0.9), (0.0, 0.0), (1.0, 0.5)])
@pytest.mark.parametrize("is_told", [True, False])
def test_follows_the_order_of_the_code(lam, momentum, is_told):
    """With the optimizer's momentum, whether it is given to the method or not."""
    optimizer = keras.optimizers.SGD(RATE, momentum=momentum)
    method = methods.SAMPa(0.5, lam=lam, momentum=momentum if is_told else None)
    weights, _ = trained(method, ROWS, optimizer=optimizer)
    np.testing.assert_allclose(weights, reference(batches(ROWS), lam, momentum), atol=1e-5)


def test_with_lambda_1_the_radius_does_not_matter():
    far, _ = trained(methods.SAMPa(5.0, lam=1.0), ROWS)
    np.testing.assert_allclose(far, trained(methods.SAMPa(0.0, lam=1.0), ROWS)[0], atol=1e-6)


@pytest.mark.parametrize(
    ("method", "rows"),
    [
        (methods.SAMPa(0.0, lam=0.0), np.tile(ROWS[:4], (4, 1))),
        (methods.SAMPa(0.5), linear(np.tile(ROWS[:4, 3:], (4, 1)))),
        (methods.SAMPa(0.5), ROWS[:4]),
    ],
    ids=["no radius", "linear", "first step"],
)
def test_is_plain_sgd(method, rows):
    weights, _ = trained(method, rows)
    np.testing.assert_allclose(weights, trained(None, rows)[0], atol=1e-6)


@pytest.mark.parametrize("last", [2, 3])
def test_a_smaller_batch_is_repeated_to_fill_the_kept_one(last):
    """Two of four are each there twice; of three the first is, with half the weight."""
    parts = [ROWS[:4], ROWS[4 : 4 + last]]
    w, known = start(), np.zeros(3)
    for index, batch in enumerate(2 * parts):
        ahead = gradient(w - RATE * known, batch)
        out = ahead
        if index:
            out = 0.8 * gradient(w + ball(known), parts[(index - 1) % 2]) + 0.2 * ahead
        w, known = w - RATE * out, ahead
    weights, _ = trained(methods.SAMPa(0.5), np.concatenate(parts), epochs=2)
    np.testing.assert_allclose(weights, w, atol=1e-5)


def test_micro_batches_are_refused():
    with pytest.raises(ValueError, match=r"leave out num_batch_splits. Received: .*=2"):
        one_step(methods.SAMPa(), num_batch_splits=2)
