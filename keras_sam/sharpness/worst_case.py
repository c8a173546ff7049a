"""By how much the loss rises at the worst point of a ball around the weights."""

import numpy as np

from keras_sam import checks
from keras_sam.sharpness import apgd
from keras_sam.sharpness.objective import Objective
from keras_sam.sharpness.projection import Ball, EuclideanBall, ball
from keras_sam.sharpness.results import Sharpness, over_batches


def worst_case(
    objective: Objective,
    rho: float,
    m: int | None = None,
    method: str = "one_step",
    adaptive: bool = False,
    norm: str = "l2",
    logit_normalization: bool = False,
    steps: int = 20,
    progress: bool = False,
) -> Sharpness:
    """Worst-case m-sharpness: the mean over batches of max L(w + delta) - L(w), |delta / c| <= rho.

    `"one_step"` takes the point where the linearised loss is largest, as SAM does; `"n_step"`
    makes `steps` such steps of radius `rho / steps`; `"apgd"` searches with Auto-PGD and gives the
    best value seen. Each is a lower bound of the maximum, `"apgd"` the tightest.

    `"apgd"` works in the coordinates delta / c, in which rescaling the weights changes nothing.
    `"euclidean_apgd"` is the search of Andriushchenko et al., with the Euclidean projection onto
    the weighted ball, for comparison with their numbers; adaptive and in l2 it stops short of the
    maximum (on a small network by up to a quarter of it), otherwise both are the same.

    Reference:
        Foret et al., Sharpness-Aware Minimization, ICLR 2021 (https://arxiv.org/abs/2010.01412);
        Andriushchenko et al., A Modern Look at the Relationship between Sharpness and
        Generalization, ICML 2023 (https://arxiv.org/abs/2302.07011).

    Args:
        objective: A `keras_sam.sharpness.Objective`.
        rho: Number of at least 0, the radius.
        m: Positive integer, examples a batch. Defaults to `None`, the objective's own batches.
        method: `"one_step"`, `"n_step"`, `"apgd"` or `"euclidean_apgd"`. Defaults to `"one_step"`.
        adaptive: Whether c is |w|, so that rescaling the weights without changing the function
            changes nothing; otherwise c is 1. Defaults to `False`.
        norm: `"l2"` or `"linf"`. Defaults to `"l2"`.
        logit_normalization: Whether logits are normalised before the loss, so that their scale
            does not count. Defaults to `False`.
        steps: Positive integer, not for `"one_step"`. Defaults to `20`.
        progress: Whether to show a bar, by tqdm. Defaults to `False`.

    Returns:
        `Sharpness`.

    Raises:
        ValueError: If an argument is outside its range.

    Example:

    >>> from keras_sam import sharpness
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> objective = sharpness.Objective(model, np.ones((8, 2)), np.ones((8, 1)), loss="mse")
    >>> sharpness.worst_case(objective, rho=0.05, m=4).values.shape
    (2,)
    """
    arguments = (rho, method, adaptive, norm, steps)
    view = objective.of_normalized_logits if logit_normalization else objective
    batches = view.batches(m, progress)
    return over_batches((worst_offset(b, *arguments)[1], b.num_examples()) for b in batches)


def worst_offset(
    objective: Objective,
    rho: float,
    method: str = "apgd",
    adaptive: bool = False,
    norm: str = "l2",
    steps: int = 20,
) -> tuple[np.ndarray, float]:
    """The worst point found in a ball around the weights, for the mean loss over all data.

    Args:
        objective: A `keras_sam.sharpness.Objective`.
        rho: As in `worst_case`.
        method: As in `worst_case`. Defaults to `"apgd"`.
        adaptive: As in `worst_case`.
        norm: As in `worst_case`.
        steps: As in `worst_case`.

    Returns:
        `(offset, rise)`: an array of shape `(size,)`, and the loss there less that at the weights.

    Raises:
        ValueError: If an argument is outside its range.

    Example:

    >>> from keras_sam import sharpness
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> objective = sharpness.Objective(model, np.ones((8, 2)), np.ones((8, 1)), loss="mse")
    >>> offset, rise = sharpness.worst_offset(objective, rho=0.05)
    >>> bool(np.linalg.norm(offset) < 0.0501)
    True
    """
    search, kind = METHODS[checks.one_of("method", method, METHODS)]
    checks.positive_integer("steps", steps)
    return search(objective, ball(objective, rho, norm, adaptive, kind), steps)


def _one_step(objective: Objective, region: Ball, steps: int) -> tuple[np.ndarray, float]:
    return _n_step(objective, region, 1)


def _n_step(objective: Objective, region: Ball, steps: int) -> tuple[np.ndarray, float]:
    # Steps of a share of the radius cannot leave the ball: there is nothing to project.
    offset, losses = np.zeros(objective.size), []
    for _ in range(steps):
        loss, gradient = objective.loss_and_gradient(offset)
        losses.append(loss)
        offset = offset + region.steepest(gradient) / steps
    return offset, objective.loss(offset) - losses[0]


METHODS = {
    "one_step": (_one_step, Ball),
    "n_step": (_n_step, Ball),
    "apgd": (apgd.ascend, Ball),
    "euclidean_apgd": (apgd.ascend, EuclideanBall),
}
