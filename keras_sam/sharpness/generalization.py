"""The bounds of `bounds` for a trained model, with what they need measured on its data."""

import math

import numpy as np

from keras_sam import checks
from keras_sam.sharpness import bounds
from keras_sam.sharpness.average_case import expected_loss
from keras_sam.sharpness.losses import Loss, ZeroOneError
from keras_sam.sharpness.objective import Objective
from keras_sam.sharpness.results import Bounds
from keras_sam.sharpness.worst_case import worst_offset

# One of each, as an objective compiles a loss once.
ERROR = ZeroOneError()
ERROR_OF_LOGITS = ZeroOneError(threshold=0.0)


def generalization_bounds(
    objective: Objective,
    rho: float,
    confidence: float = 0.95,
    loss: Loss | None = None,
    samples: int = 20,
    steps: int = 20,
    seed: int = 0,
    n: int | None = None,
    progress: bool = False,
) -> Bounds:
    """All bounds for a trained model; the noise is as wide as SAM's proof needs it for rho.

    The bounds are for the objective's data as the training set and for a loss in [0, 1].
    Hoeffding's does not hold there, as these data chose the weights: the distance to it is what the
    others pay for that. The
    objective's own loss, which has a gradient, only shows the way to the worst point, found by
    Auto-PGD: the true maximum may be larger, and the bound with it. Likewise the mean under noise
    is an estimate. Weights outside the objective's mask count as fixed before the data: where they
    were trained on these, the bounds do not hold.

    Reference:
        Foret et al., Sharpness-Aware Minimization, ICLR 2021 (https://arxiv.org/abs/2010.01412),
        theorem 2 and equation 5; `keras_sam.sharpness.maurer` and `hoeffding` name theirs.

    Args:
        objective: A `keras_sam.sharpness.Objective` over the whole training set.
        rho: Number above 0, radius of the ball.
        confidence: Number in (0, 1). Defaults to `0.95`.
        loss: A Keras loss in [0, 1]. Defaults to `None`, the `ZeroOneError`; of a single output
            that is a logit by the objective's loss, with the threshold 0.
        samples: Positive integer, draws of the noise. Defaults to `20`.
        steps: Positive integer, of Auto-PGD. Defaults to `20`.
        seed: Integer of at least 0. Defaults to `0`.
        n: Integer of at least 2, the size of the training set, where the objective has but a
            random part of it. Defaults to `None`, the number of the objective's examples.
        progress: Whether to show a bar over the draws, by tqdm. Defaults to `False`.

    Returns:
        `Bounds`.

    Raises:
        ValueError: If an argument is outside its range, or the loss outside [0, 1].

    Example:

    >>> from keras_sam import sharpness
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> objective = sharpness.Objective(model, np.ones((8, 2)), np.ones((8, 1)), loss="mse")
    >>> found = sharpness.generalization_bounds(objective, rho=0.05)
    >>> bool(found.sam > found.worst >= found.clean)
    True
    """
    n, k = objective.num_examples() if n is None else n, objective.size
    hoeffding = bounds.hoeffding(0.0, n, confidence)  # It checks n and confidence, too.
    sigma = checks.positive("rho", rho) / (math.sqrt(k) + math.sqrt(math.log(n)))
    if loss is None:
        loss = ERROR_OF_LOGITS if objective.takes_logits() else ERROR
    bounded = objective.with_loss(loss)
    clean = bounded.loss()
    worst = max(clean, bounded.loss(worst_offset(objective, rho, steps=steps)[0]))
    perturbed = expected_loss(bounded, sigma, samples, seed, progress)
    _check_bounded(clean, worst, perturbed.value)
    squared_norm = float(np.sum(objective.weights().astype("float64") ** 2))
    noise = squared_norm, sigma, k, n
    kl = sum(bounds.noise_divergence(*noise))
    return Bounds(
        mcallester=bounds.perturbed_bound(perturbed.value, *noise, confidence),
        maurer=bounds.maurer(perturbed.value, kl, n, confidence),
        sam=bounds.sam_bound(worst, squared_norm, rho, k, n, confidence),
        hoeffding=clean + hoeffding,
        perturbed=perturbed,
        worst=worst,
        clean=clean,
        sigma=sigma,
        rho=float(rho),
        squared_norm=squared_norm,
        size=k,
        num_examples=n,
        confidence=confidence,
    )


def _check_bounded(*losses: float) -> None:
    if min(losses) < 0 or max(losses) > 1:
        raise ValueError(
            "The bounds need a loss in [0, 1], such as sharpness.ZeroOneError(). "
            f"Received: loss with the values {losses}"
        )
