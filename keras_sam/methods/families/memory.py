"""Methods that remember earlier batches."""

from typing import Any

from keras_sam import checks
from keras_sam.ascent import (
    DualNormAscent,
    FriendlyAscent,
    MomentumAscent,
    PreviousGradientAscent,
)
from keras_sam.descent import ParallelGradient, PerturbedGradient
from keras_sam.methods.method import Method
from keras_sam.methods.registry import NO_FRACTION, Cost, register
from keras_sam.schedules import Rho


@register(
    "friendly",
    summary="climbs along what is special to the batch",
    paper="Li et al. 2024",
    state="mean gradient",
)
def Friendly(
    rho: Rho = 0.05, sigma: float = 1.0, decay: float = 0.9, p: float = 2, **when_and_where: Any
) -> Method:
    """F-SAM: climbs along what is special to the batch.

    Args:
        {{rho}}
        sigma: Float, how much of the gradients' mean to take away. Defaults to `1.0`.
        decay: Float in [0, 1), of that mean; the paper has 0.6 for ResNet-18. Defaults to `0.9`.
        {{p}}
        {{when_and_where}}

    Returns:
        `Method` named `"friendly"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Li et al., Friendly Sharpness-Aware Minimization, CVPR 2024.

    Example:

    >>> method = keras_sam.methods.Friendly(rho=0.2, decay=0.6)
    """
    ascent = FriendlyAscent(DualNormAscent(p), sigma, decay)
    return Method(ascent, PerturbedGradient(), rho, name="friendly", **when_and_where)


@register(
    "vasso",
    summary="climbs along a mean of the batches' gradients",
    paper="Li and Giannakis 2023",
    state="mean gradient",
)
def VaSSO(rho: Rho = 0.05, theta: float = 0.9, p: float = 2, **when_and_where: Any) -> Method:
    """Climbs along a running mean of the gradients, which varies less than one batch's.

    It is `Friendly(sigma=1 - 1 / theta, decay=1 - theta)`: that one takes the mean away, and this
    one adds it.

    Args:
        {{rho}}
        theta: Float in (0, 1], share of the new gradient in the mean; 1 is SAM. Defaults to `0.9`.
        {{p}}
        {{when_and_where}}

    Returns:
        `Method` named `"vasso"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Li and Giannakis, Enhancing Sharpness-Aware Optimization Through Variance Suppression,
        NeurIPS 2023, equation 4.

    Example:

    >>> method = keras_sam.methods.VaSSO(theta=0.4)
    """
    share = checks.fraction("theta", theta)
    # theta g + (1 - theta) m and g - sigma m point the same way.
    ascent = FriendlyAscent(DualNormAscent(p), 1 - 1 / share, 1 - share)
    return Method(ascent, PerturbedGradient(), rho, name="vasso", **when_and_where)


@register(
    "s2sam",
    summary="climbs along the last batch's gradient",
    paper="Ji et al. 2024",
    cost=Cost(1),
    state="gradient",
    fixed=NO_FRACTION,
)
def S2SAM(rho: Rho = 0.05, p: float = 2, **when_and_where: Any) -> Method:
    """SAM in one pass, along the gradient of the batch before.

    Args:
        {{rho}}
        {{p}}
        {{when_and_where}}

    Returns:
        `Method` named `"s2sam"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Ji et al., A Single-Step, Sharpness-Aware Minimization is All You Need to Achieve Efficient
        and Accurate Sparse Training, NeurIPS 2024.

    Example:

    >>> method = keras_sam.methods.S2SAM(rho=0.1)
    """
    ascent = PreviousGradientAscent(DualNormAscent(p))
    return Method(ascent, PerturbedGradient(), rho, name="s2sam", **when_and_where)


@register(
    "msam",
    summary="climbs along the momentum",
    paper="Becker et al. 2025",
    cost=Cost(1),
    state="momentum",
    fixed=NO_FRACTION,
)
def MSAM(
    rho: Rho = 0.3, momentum: float | None = None, p: float = 2, **when_and_where: Any
) -> Method:
    """SAM in one pass, along the momentum.

    Args:
        {{rho}}
        momentum: Float in [0, 1). Defaults to `None`: the momentum of the compiled optimizer, or
            its `beta_1`, or 0.9 where it has neither.
        {{p}}
        {{when_and_where}}

    Returns:
        `Method` named `"msam"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Becker et al., Momentum-SAM: Sharpness Aware Minimization without Computational Overhead,
        NeurIPS 2025.

    Example:

    >>> method = keras_sam.methods.MSAM(rho=3.0)
    """
    ascent = MomentumAscent(DualNormAscent(p), momentum)
    return Method(ascent, PerturbedGradient(), rho, name="msam", **when_and_where)


@register(
    "sampa",
    summary="two gradients that do not wait for each other",
    paper="Xie et al. 2024",
    state="gradient, last batch",
    fixed=("every", "start", "ascent_fraction"),
    neutral=None,
    brief={"momentum": 0.5},
)
def SAMPa(
    rho: Rho = 0.1,
    lam: float = 0.2,
    momentum: float | None = None,
    p: float = 2,
    **when_and_where: Any,
) -> Method:
    """SAM whose two gradients do not wait for each other.

    Args:
        {{rho}}
        lam: Float in [0, 1], share of the gradient at the weights ahead. Defaults to `0.2`.
        momentum: Float in [0, 1). Defaults to `None`, that of the compiled optimizer.
        {{p}}
        {{when_and_where}}

    Returns:
        `Method` named `"sampa"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Xie et al., SAMPa: Sharpness-aware Minimization Parallelized, NeurIPS 2024, in the order of
        the authors' code.

    Example:

    >>> method = keras_sam.methods.SAMPa(lam=0.2)
    """
    ascent = PreviousGradientAscent(DualNormAscent(p), is_one_pass=False)
    descent = ParallelGradient(lam, momentum)
    return Method(ascent, descent, rho, name="sampa", **when_and_where)
