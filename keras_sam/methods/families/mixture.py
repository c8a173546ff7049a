"""Methods that descend a mean of two gradients, or one gradient at the other's length."""

from typing import Any

from keras_sam import checks
from keras_sam.ascent import DualNormAscent, MatchingAscent
from keras_sam.descent import RenormalizedGradient, WeightedGradient
from keras_sam.methods.method import Method
from keras_sam.methods.registry import NO_FRACTION, register
from keras_sam.schedules import Rho


@register(
    "gnp",
    summary="penalty on the length of the gradient",
    paper="Zhao et al. 2022",
    fixed=NO_FRACTION,
)
def GNP(rho: Rho = 0.1, alpha: float = 0.8, p: float = 2, **when_and_where: Any) -> Method:
    """A penalty on the length of the gradient; `WSAM(gamma=alpha / (1 + alpha), decoupled=False)`.

    Args:
        {{rho}}
        alpha: Float in [0, 1], share of the perturbed gradient; the penalty's weight is
            `alpha * rho`. 0 is the optimizer alone, 1 is SAM. Defaults to `0.8`.
        {{p}}
        {{when_and_where}}

    Returns:
        `Method` named `"gnp"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Zhao et al., Penalizing Gradient Norm for Efficiently Improving Generalization in Deep
        Learning, ICML 2022, algorithm 1.

    Example:

    >>> method = keras_sam.methods.GNP(rho=0.05, alpha=0.8)
    """
    descent = mixture(checks.from_zero_to_one("alpha", alpha))
    return Method(DualNormAscent(p), descent, rho, name="gnp", **when_and_where)


@register(
    "sagm",
    summary="matches the gradients of three losses",
    paper="Wang et al. 2023",
    fixed=NO_FRACTION,
    neutral={"alpha": 0.0},
)
def SAGM(rho: Rho = 0.05, alpha: float = 0.001, p: float = 2, **when_and_where: Any) -> Method:
    """The mean of the clean gradient and one a step of `alpha` below SAM's point.

    Args:
        {{rho}}
        alpha: Float of at least 0, length of that step in the units of a learning rate. 0 is
            `GNP(alpha=0.5)`. Defaults to `0.001`.
        {{p}}
        {{when_and_where}}

    Returns:
        `Method` named `"sagm"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Wang et al., Sharpness-Aware Gradient Matching for Domain Generalization, CVPR 2023.

    Example:

    >>> method = keras_sam.methods.SAGM(alpha=5e-4)
    """
    ascent = MatchingAscent(DualNormAscent(p), alpha)
    return Method(ascent, mixture(0.5), rho, name="sagm", **when_and_where)


@register(
    "stable_sam",
    summary="the perturbed gradient at the clean one's length",
    paper="Tan et al. 2025",
    fixed=NO_FRACTION,
)
def StableSAM(rho: Rho = 0.05, p: float = 2, **when_and_where: Any) -> Method:
    """SAM that keeps the length of the clean gradient, so that SGD's learning rate serves it.

    Args:
        {{rho}}
        {{p}}
        {{when_and_where}}

    Returns:
        `Method` named `"stable_sam"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Tan et al., Stabilizing Sharpness-Aware Minimization Through A Simple Renormalization
        Strategy, JMLR 26, 2025.

    Example:

    >>> method = keras_sam.methods.StableSAM(rho=0.1)
    """
    descent = RenormalizedGradient()
    return Method(DualNormAscent(p), descent, rho, name="stable_sam", **when_and_where)


def mixture(share: float) -> WeightedGradient:
    """The descent of `(1 - share) g + share g_s`."""
    return WeightedGradient(share / (1 + share), decoupled=False)
