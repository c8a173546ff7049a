"""Bounds on the expected loss over the distribution that the data are from, as formulas.

What is proven: with probability `confidence` over the draw of the n training examples, for a loss
in [0, 1] and a prior that was fixed before. McAllester's bound, and Maurer's sharper form of it,
are on the loss averaged over a distribution Q of weights. SAM's theorem is on the loss at the
weights, and assumes that Gaussian noise on these does not lower the loss over the distribution.
Hoeffding's bound is for weights that were chosen without the examples. For networks with more
weights than examples all but the last are usually above 1, and say nothing; they still rank models.
"""

import math

from keras_sam import checks


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


def maurer(loss: float, kl: float, n: int, confidence: float = 0.95) -> float:
    """Maurer's form of McAllester's bound, `loss + sqrt((kl + log √n + log(2 / δ)) / (2 n))`.

    It pays for √n where `mcallester` pays for n, and is the sharper one.

    Reference:
        Maurer, A Note on the PAC Bayesian Theorem, 2004 (arXiv:cs/0411099), with Pinsker's
        inequality; proven there from 8 examples on.

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
    >>> round(sharpness.maurer(0.0, kl=10.0, n=50_000), 7)
    0.0138198
    """
    risk = _risk(n, confidence)
    checks.non_negative("kl", kl)
    return loss + math.sqrt((kl + math.log(math.sqrt(n)) + math.log(2 / risk)) / (2 * n))


def hoeffding(loss: float, n: int, confidence: float = 0.95) -> float:
    """Hoeffding's bound, `loss + sqrt(log(1 / δ) / (2 n))`, on weights fixed before the examples.

    It holds on test examples. On those that chose the weights it does not: there it is what any
    bound would come to if the choice were free of charge.

    Reference:
        Hoeffding, Probability Inequalities for Sums of Bounded Random Variables, 1963.

    Args:
        loss: Float, mean over the n examples of a loss in [0, 1].
        n: Integer of at least 2.
        confidence: Number in (0, 1). Defaults to `0.95`.

    Returns:
        Float, with the given confidence above the expected loss.

    Raises:
        ValueError: If an argument is outside its range.

    Example:

    >>> from keras_sam import sharpness
    >>> round(sharpness.hoeffding(0.1, n=10_000), 6)
    0.112239
    """
    return loss + math.sqrt(math.log(1 / _risk(n, confidence)) / (2 * n))


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
    divergence, choice = noise_divergence(squared_norm, sigma, k, n)
    return loss + math.sqrt((divergence / 2 + math.log(n / risk) + choice) / (n - 1))


def noise_divergence(squared_norm: float, sigma: float, k: int, n: int) -> tuple[float, float]:
    """KL(Q || P) of `perturbed_bound`, at most, and the price of choosing P from the grid.

    The arguments are those of `perturbed_bound`. The sum is the `kl` of a bound that takes one.
    """
    ratio = checks.non_negative("squared_norm", squared_norm) / checks.positive("sigma", sigma) ** 2
    divergence = checks.positive_integer("k", k) * math.log1p(ratio / k) / 2 + 1 / 2
    return divergence, 2 * math.log(6 * n + 3 * k)


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


def _risk(n: int, confidence: float) -> float:
    """The probability with which a bound may fail, for checked arguments."""
    if checks.positive_integer("n", n) < 2:
        raise ValueError(f"n must be at least 2. Received: n={n}")
    if checks.fraction("confidence", confidence) == 1:
        raise ValueError("confidence must be below 1. Received: confidence=1")
    return 1 - confidence
