"""By how much the loss rises on average around the weights."""

import math

import numpy as np

from keras_sam import checks
from keras_sam.sharpness.counting import shown
from keras_sam.sharpness.objective import Objective
from keras_sam.sharpness.projection import Ball, ball
from keras_sam.sharpness.results import Estimate, Sharpness, estimate, standard_error


def average_case(
    objective: Objective,
    rho: float,
    m: int | None = None,
    adaptive: bool = False,
    norm: str = "l2",
    logit_normalization: bool = False,
    samples: int = 20,
    seed: int = 0,
    progress: bool = False,
) -> Sharpness:
    """Average-case sharpness: the mean over batches and random delta of L(w + delta) - L(w).

    For `"l2"` delta is Gaussian with standard deviation rho c, for `"linf"` it is uniform in
    [-rho c, rho c]. Each draw is looked at on both sides of the weights, which takes the slope
    out of the noise.

    Reference:
        Andriushchenko et al., A Modern Look at the Relationship between Sharpness and
        Generalization, ICML 2023 (https://arxiv.org/abs/2302.07011).

    Args:
        objective: A `keras_sam.sharpness.Objective`.
        rho: As in `worst_case`.
        m: As in `worst_case`.
        adaptive: As in `worst_case`.
        norm: As in `worst_case`.
        logit_normalization: As in `worst_case`.
        samples: Positive integer, draws for each batch, of two forward passes each. Defaults to
            `20`.
        seed: Integer of at least 0. Defaults to `0`.
        progress: Whether to show a bar, by tqdm. Defaults to `False`.

    Returns:
        `Sharpness`.

    Raises:
        ValueError: If an argument is outside its range.

    Example:

    >>> from keras_sam import sharpness
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> objective = sharpness.Objective(model, np.ones((8, 2)), np.ones((8, 1)), loss="mse")
    >>> sharpness.average_case(objective, rho=0.05, m=4).values.shape
    (2,)
    """
    checks.positive_integer("samples", samples)
    generator = np.random.default_rng(checks.seed("seed", seed))
    region = ball(objective, rho, norm, adaptive)
    view = objective.of_normalized_logits if logit_normalization else objective
    draws, sizes = [], []
    for batch in view.batches(m, progress):
        clean = batch.loss()
        deltas = (_drawn(generator, region) for _ in range(samples))
        draws.append([_on_both_sides(batch, delta) - clean for delta in deltas])
        sizes.append(batch.num_examples())
    return _summary(np.array(draws), np.array(sizes))


def expected_loss(
    objective: Objective, sigma: float, samples: int = 20, seed: int = 0, progress: bool = False
) -> Estimate:
    """The mean loss under Gaussian noise on the weights, E L(w + N(0, sigma² I)).

    Each draw is looked at on both sides of the weights, as in `average_case`.

    Args:
        objective: A `keras_sam.sharpness.Objective`.
        sigma: Number of at least 0, the standard deviation.
        samples: Positive integer, draws, of two forward passes over the data each. Defaults to
            `20`.
        seed: Integer of at least 0. Defaults to `0`.
        progress: Whether to show a bar, by tqdm. Defaults to `False`.

    Returns:
        `Estimate`.

    Raises:
        ValueError: If an argument is outside its range.

    Example:

    >>> from keras_sam import sharpness
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> objective = sharpness.Objective(model, np.ones((8, 2)), np.ones((8, 1)), loss="mse")
    >>> sharpness.expected_loss(objective, sigma=0.1, samples=5).samples
    5
    """
    checks.positive_integer("samples", samples)
    checks.non_negative("sigma", sigma)
    generator = np.random.default_rng(checks.seed("seed", seed))
    region = ball(objective, sigma, "l2", adaptive=False)
    draws = shown(range(samples), progress, "expected loss", "draw")
    return estimate([_on_both_sides(objective, _drawn(generator, region)) for _ in draws])


def _drawn(generator: np.random.Generator, region: Ball) -> np.ndarray:
    size = region.scale.shape
    is_gaussian = region.norm == "l2"
    noise = generator.standard_normal(size) if is_gaussian else generator.uniform(-1.0, 1.0, size)
    return region.rho * region.scale * noise


def _on_both_sides(objective: Objective, delta: np.ndarray) -> float:
    return (objective.loss(delta) + objective.loss(-delta)) / 2


def _summary(draws: np.ndarray, sizes: np.ndarray) -> Sharpness:
    shares = sizes / np.sum(sizes)
    errors = np.array([standard_error(row) for row in draws])
    error = math.sqrt(np.sum((shares * errors) ** 2))
    values = draws.mean(axis=1)
    return Sharpness(float(shares @ values), error, values, sizes)
