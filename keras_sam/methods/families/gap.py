"""Methods that send more than the perturbed gradient to the optimizer."""

from typing import Any

from keras_sam import checks
from keras_sam.ascent import DualNormAscent
from keras_sam.descent import CurvatureGradient, SurrogateGapGradient, WeightedGradient
from keras_sam.methods.method import Method
from keras_sam.methods.registry import NO_FRACTION, Cost, register
from keras_sam.schedules import FollowLearningRate, Rho


@register(
    "gsam",
    summary="also closes the gap to the clean loss",
    paper="Zhuang et al. 2022",
    fixed=NO_FRACTION,
)
def GSAM(
    rho: Rho | None = None,
    alpha: float = 0.4,
    rho_min: float | None = None,
    rho_max: float | None = None,
    lr_min: float = 0.0,
    lr_max: float | None = None,
    p: float = 2,
    **when_and_where: Any,
) -> Method:
    """SAM that also closes the gap between the perturbed and the clean loss.

    Args:
        rho: Radius, a float of at least 0 or a schedule of `keras_sam.schedules.Rho`. Defaults to
            `None`, 0.05 unless `rho_max` is given.
        alpha: Float of at least 0, weight of the gap; the paper has 0.6 for ViT-B/32 on ImageNet.
            Defaults to `0.4`.
        rho_min: Radius at `lr_min`, in place of `rho`. Defaults to `None`.
        rho_max: Radius at `lr_max`: it follows the optimizer's learning rate. Defaults to `None`.
        lr_min: Lowest learning rate of the training. Defaults to `0.0`.
        lr_max: Highest learning rate of the training; needed with `rho_max`. Defaults to `None`.
        {{p}}
        {{when_and_where}}

    Returns:
        `Method` named `"gsam"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Zhuang et al., Surrogate Gap Minimization Improves Sharpness-Aware Training, ICLR 2022,
        algorithm 1.

    Example:

    >>> method = keras_sam.methods.GSAM(rho_min=0.1, rho_max=0.6, lr_max=0.003, alpha=0.6)
    """
    limits = {"rho_min": rho_min, "rho_max": rho_max, "lr_max": lr_max}
    lr_min = checks.non_negative("lr_min", lr_min)
    if lr_min > 0 or any(limit is not None for limit in limits.values()):
        if rho_max is None or lr_max is None or rho is not None:
            raise ValueError(
                "A radius that follows the learning rate needs rho_max and lr_max, and no rho. "
                f"Received: {checks.received(rho=rho, lr_min=lr_min, **limits)}"
            )
        rho = FollowLearningRate(rho_max, lr_max, 0.0 if rho_min is None else rho_min, lr_min)
    rho = 0.05 if rho is None else rho
    descent = SurrogateGapGradient(alpha)
    return Method(DualNormAscent(p), descent, rho, name="gsam", **when_and_where)


@register(
    "wsam",
    summary="loss and sharpness, each with its weight",
    paper="Yue et al. 2023",
    fixed=NO_FRACTION,
)
def WSAM(
    rho: Rho = 0.05, gamma: float = 0.9, decoupled: bool = True, p: float = 2, **when_and_where: Any
) -> Method:
    """The loss and its sharpness, each with its weight.

    Args:
        {{rho}}
        gamma: Float in [0, 1); 0 is the optimizer alone, 1/2 coupled is SAM. Defaults to `0.9`.
        decoupled: Whether the sharpness goes past the optimizer's momentum and scaling. Defaults
            to `True`.
        {{p}}
        {{when_and_where}}

    Returns:
        `Method` named `"wsam"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Yue et al., Sharpness-Aware Minimization Revisited: Weighted Sharpness as a Regularization
        Term, KDD 2023.

    Example:

    >>> method = keras_sam.methods.WSAM(gamma=0.8)
    """
    descent = WeightedGradient(gamma, decoupled)
    return Method(DualNormAscent(p), descent, rho, name="wsam", **when_and_where)


@register(
    "cr_sam",
    summary="penalty on the curvature along the ascent",
    paper="Wu et al. 2024",
    cost=Cost(3),
    fixed=NO_FRACTION,
)
def CRSAM(
    rho: Rho = 0.1, gamma: float = 0.1, beta: float = 0.01, p: float = 2, **when_and_where: Any
) -> Method:
    """SAM with a penalty on the curvature along its ascent.

    Args:
        {{rho}}
        gamma: Float, weight of the second difference. Defaults to `0.1`.
        beta: Float, weight of the first difference. Defaults to `0.01`.
        {{p}}
        {{when_and_where}}

    Returns:
        `Method` named `"cr_sam"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Wu et al., CR-SAM: Curvature Regularized Sharpness-Aware Minimization, AAAI 2024.

    Example:

    >>> method = keras_sam.methods.CRSAM(gamma=0.2)
    """
    descent = CurvatureGradient(gamma, beta)
    return Method(DualNormAscent(p), descent, rho, name="cr_sam", **when_and_where)
