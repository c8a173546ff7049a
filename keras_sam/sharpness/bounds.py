"""PAC-Bayes bounds on the expected loss over the distribution that the data are from.

What is proven: with probability `confidence` over the draw of the n training examples, for a loss
in [0, 1] and a prior that was fixed before. McAllester's bound is on the loss averaged over a
distribution Q of weights. SAM's theorem is on the loss at the weights, and assumes that Gaussian
noise on these does not lower the loss over the distribution. For networks with more weights than
examples both are usually above 1, and say nothing; they still rank models.
"""

import math

import numpy as np

from keras_sam import checks
from keras_sam.sharpness.average_case import expected_loss
from keras_sam.sharpness.losses import Loss, ZeroOneError
from keras_sam.sharpness.objective import Objective
from keras_sam.sharpness.results import Bounds
from keras_sam.sharpness.worst_case import worst_offset

# One of each, as an objective compiles a loss once.
ERROR = ZeroOneError()
ERROR_OF_LOGITS = ZeroOneError(threshold=0.0)


def mcallester(loss: float, kl: float, n: int, confidence: float = 0.95) -> float:
    """McAllester's bound, `loss + sqrt((kl + log(n / δ)) / (2 (n - 1)))`, δ = 1 - confidence.

    Reference:
        Foret et al., Sharpness-Aware Minimization, ICLR 2021 (arXiv:2010.01412), equation 5.

    Args:
        loss: Float, mean over the n examples of a loss in [0, 1], averaged over Q.
        kl: Number of at least 0, the divergence KL(Q || P) from the prior P.
        n: Integer of at least 2.
        confidence: Number in (0, 1). Defaults to `0.95`.

    Returns:
        Float, with the given confidence above the expected loss, averaged over Q.

    Raises:
        ValueError: If an argument is outside its range.

    Example:

    >>> from keras_sam import sharpness
    >>> round(sharpness.mcallester(0.0, kl=10.0, n=50_000), 7)
    0.0154324
    """
    risk = _risk(n, confidence)
    checks.non_negative("kl", kl)
    return loss + math.sqrt((kl + math.log(n / risk)) / (2 * (n - 1)))


def perturbed_bound(
    loss: float, squared_norm: float, sigma: float, k: int, n: int, confidence: float = 0.95
) -> float:
    """McAllester's bound for Gaussian noise on the weights, Q = N(w, sigma² I).

    The prior is a Gaussian around zero whose width is chosen from a grid that is fixed before,
    as in the proof of SAM's theorem; the choice is paid for.

    Reference:
        Foret et al., Sharpness-Aware Minimization, ICLR 2021 (arXiv:2010.01412), appendix A.1.

    Args:
        loss: Float, mean over the n examples of a loss in [0, 1], averaged over the noise.
        squared_norm: Number of at least 0, |w|².
        sigma: Number above 0.
        k: Positive integer, number of weights.
        n: Integer of at least 2.
        confidence: Number in (0, 1). Defaults to `0.95`.

    Returns:
        Float, with the given confidence above the expected loss, averaged over the noise.

    Raises:
        ValueError: If an argument is outside its range.

    Example:

    >>> from keras_sam import sharpness
    >>> bound = sharpness.perturbed_bound(0.1, squared_norm=100.0, sigma=0.01, k=1000, n=50_000)
    """
    risk = _risk(n, confidence)
    ratio = checks.non_negative("squared_norm", squared_norm) / checks.positive("sigma", sigma) ** 2
    divergence = checks.positive_integer("k", k) * math.log1p(ratio / k) / 4 + 1 / 4
    choice = math.log(n / risk) + 2 * math.log(6 * n + 3 * k)
    return loss + math.sqrt((divergence + choice) / (n - 1))


def sam_bound(
    loss: float, squared_norm: float, rho: float, k: int, n: int, confidence: float = 0.95
) -> float:
    """The right-hand side of SAM's theorem.

    Reference:
        Foret et al., Sharpness-Aware Minimization, ICLR 2021 (arXiv:2010.01412), theorem 2.

    Args:
        loss: Float, the largest mean loss, of a loss in [0, 1], within rho of the weights.
        squared_norm: Number of at least 0, |w|².
        rho: Number above 0.
        k: Positive integer, number of weights.
        n: Integer of at least 2.
        confidence: Number in (0, 1). Defaults to `0.95`.

    Returns:
        Float, with the given confidence above the expected loss at the weights, where Gaussian
        noise of standard deviation rho does not lower that.

    Raises:
        ValueError: If an argument is outside its range.

    Example:

    >>> from keras_sam import sharpness
    >>> round(sharpness.sam_bound(0.0, squared_norm=100.0, rho=0.5, k=1000, n=50_000), 6)
    0.356308
    """
    risk = _risk(n, confidence)
    ratio = checks.non_negative("squared_norm", squared_norm) / checks.positive("rho", rho) ** 2
    tail = (1 + math.sqrt(math.log(n) / checks.positive_integer("k", k))) ** 2
    inner = k * math.log1p(ratio * tail) + 4 * math.log(n / risk) + 8 * math.log(6 * n + 3 * k)
    return loss + math.sqrt(inner / (n - 1))


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
    """Both bounds for a trained model; the noise is as wide as SAM's proof needs it for rho.

    The bounds are for the objective's data as the training set and for a loss in [0, 1]. The
    objective's own loss, which has a gradient, only shows the way to the worst point, found by
    Auto-PGD: the true maximum may be larger, and the bound with it. Likewise the mean under noise
    is an estimate. Weights outside the objective's mask count as fixed before the data: where they
    were trained on these, the bounds do not hold.

    Reference:
        Foret et al., Sharpness-Aware Minimization, ICLR 2021 (https://arxiv.org/abs/2010.01412),
        theorem 2 and equation 5.

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
    >>> bounds = sharpness.generalization_bounds(objective, rho=0.05)
    >>> bool(bounds.sam > bounds.worst >= bounds.clean)
    True
    """
    n, k = objective.num_examples() if n is None else n, objective.size
    _risk(n, confidence)
    sigma = checks.positive("rho", rho) / (math.sqrt(k) + math.sqrt(math.log(n)))
    if loss is None:
        loss = ERROR_OF_LOGITS if objective.takes_logits() else ERROR
    bounded = objective.with_loss(loss)
    clean = bounded.loss()
    worst = max(clean, bounded.loss(worst_offset(objective, rho, steps=steps)[0]))
    perturbed = expected_loss(bounded, sigma, samples, seed, progress)
    _check_bounded(clean, worst, perturbed.value)
    squared_norm = float(np.sum(objective.weights().astype("float64") ** 2))
    return Bounds(
        mcallester=perturbed_bound(perturbed.value, squared_norm, sigma, k, n, confidence),
        sam=sam_bound(worst, squared_norm, rho, k, n, confidence),
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


def _risk(n: int, confidence: float) -> float:
    """The probability with which a bound may fail, for checked arguments."""
    if checks.positive_integer("n", n) < 2:
        raise ValueError(f"n must be at least 2. Received: n={n}")
    if checks.fraction("confidence", confidence) == 1:
        raise ValueError("confidence must be below 1. Received: confidence=1")
    return 1 - confidence
