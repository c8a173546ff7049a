"""The exact numbers of the shared quadratic: L = 1/2 w'Aw, A = diag(1, 2), w = (3, 2)."""

import math

import numpy as np
import pytest

from keras_sam import methods
from tests.toys import one_step

# Method, its options, and the gradient that the optimizer must get, rho = 0.5.
ROWS = [
    ("sam", {}, (3.3, 4.8)),
    ("sam", {"p": math.inf}, (3.5, 5.0)),
    ("sam", {"p": 1}, (3.0, 5.0)),
    ("sam", {"p": 1.5}, (3.222426, 4.790847)),
    ("sam", {"p": 3}, (3.366478, 4.846345)),
    ("fgsm", {}, (3.5, 5.0)),
    ("second_order", {}, (3.2808, 4.8288)),
    ("second_order", {"steps": 2}, (3.280887, 4.828212)),
    ("second_order", {"steps": 3}, (3.280914, 4.828029)),
    ("multistep", {"steps": 1}, (3.3, 4.8)),
    ("multistep", {"steps": 2}, (3.295528, 4.806554)),
    ("multistep", {"steps": 3}, (3.293997, 4.808777)),
    ("multistep", {"steps": 2, "projection": True}, (3.291694, 4.812193)),
    ("asam", {"eta": 0.0}, (4.121114, 5.328728)),
    ("asam", {"eta": 0.01}, (4.124027, 5.336609)),
    ("asam", {"eta": 0.0, "p": math.inf}, (4.5, 6.0)),
    ("sam_on", {"mask": "all"}, (3.3, 4.8)),
    ("periodic", {"every": 1}, (3.3, 4.8)),
    ("periodic", {"every": 2}, (3.3, 4.8)),
    ("late", {"start": 0}, (3.3, 4.8)),
    ("late", {"start": 1}, (3.0, 4.0)),
]


@pytest.mark.parametrize(("name", "options", "gradient"), ROWS)
def test_gradient_of_one_step(name, options, gradient):
    weights, _ = one_step(methods.get(name, rho=0.5, **options))
    np.testing.assert_allclose((np.array([3.0, 2.0]) - weights) / 0.1, gradient, atol=1e-5)


def test_micro_batches_each_perturb_on_their_own():
    x = np.array([[2.0, 0.0], [0.0, 4.0]], "float32")
    together, _ = one_step(methods.SAM(0.5), x)
    apart, _ = one_step(methods.SAM(0.5), x, num_batch_splits=2)
    np.testing.assert_allclose(together, (2.67, 1.52), atol=1e-6)
    np.testing.assert_allclose(apart, (2.65, 1.5), atol=1e-6)
