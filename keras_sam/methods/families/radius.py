"""Methods with a rule of their own for the length of the perturbation."""

from typing import Any

from keras_sam import checks
from keras_sam.ascent import AdaptiveAscent, BudgetAscent, DualNormAscent, ZScoreAscent
from keras_sam.descent import PerturbedGradient
from keras_sam.methods.method import Method
from keras_sam.methods.registry import register
from keras_sam.schedules import Rho, check_rho


@register(
    "le_sam",
    summary="a radius by the rise of the loss",
    paper="Wang et al. 2026",
)
def LESAM(
    rho: Rho | None = None,
    sigma: Rho = 0.35,
    rho_max: Rho | None = None,
    p: float = 2,
    adaptive: bool = False,
    **when_and_where: Any,
) -> Method:
    """SAM as far as the linearised loss rises by `sigma`: the radius is `min(sigma / ||g||, rho)`.

    Args:
        rho: The largest radius, a float of at least 0 or a schedule of `keras_sam.schedules.Rho`.
            Defaults to `None`: that of `rho_max`.
        sigma: The rise, a float of at least 0 in the units of the loss, or such a schedule; the
            paper's is a `keras_sam.schedules.WarmUpHoldDecay`. Defaults to `0.35`.
        rho_max: Another name of rho, the paper's. Defaults to `None`: 0.3 unless rho is given.
            There is always a largest radius; one that no step reaches, such as 1e6, is none.
        {{p}}
        adaptive: Whether the ball is scaled with the magnitude of every weight, as that of
            `asam(eta=0.0, scaled="all")`. Defaults to `False`.
        {{when_and_where}}

    Returns:
        `Method` named `"le_sam"`.

    Raises:
        ValueError: If an argument is outside its range, or both names of the radius are given.

    Reference:
        Wang et al., Fix the Loss, Not the Radius: Rethinking the Adversarial Perturbation of
        Sharpness-Aware Minimization, ICML 2026.

    Example:

    >>> method = keras_sam.methods.LESAM(sigma=0.1, rho_max=0.05)
    """
    if rho is not None and rho_max is not None:
        raise ValueError(
            "rho and rho_max are two names of the largest radius; give one of them. "
            f"Received: {checks.received(rho=rho, rho_max=rho_max)}"
        )
    if rho is None:
        rho = 0.3 if rho_max is None else check_rho(rho_max, "rho_max")
    is_scaled = checks.boolean("adaptive", adaptive)
    step = AdaptiveAscent(p, eta=0.0, scaled="all") if is_scaled else DualNormAscent(p)
    ascent = BudgetAscent(step, sigma)
    return Method(ascent, PerturbedGradient(), rho, name="le_sam", **when_and_where)


@register(
    "zsharp",
    summary="perturbs entries that stand out in their kernel",
    paper="Yun 2025",
)
def ZSharp(rho: Rho = 0.05, percentile: float = 0.95, **when_and_where: Any) -> Method:
    """Perturbs in each kernel, by rho, the entries whose gradient is far from the kernel's mean.

    Args:
        {{rho}}
        percentile: Float in [0, 1), share of a kernel's entries that are not perturbed. Defaults
            to `0.95`.
        {{when_and_where}}

    Returns:
        `Method` named `"zsharp"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Yun, Sharpness-Aware Minimization with Z-Score Gradient Filtering, NeurIPS 2025 workshop
        OPT.

    Example:

    >>> method = keras_sam.methods.ZSharp(percentile=0.9)
    """
    descent = PerturbedGradient()
    return Method(ZScoreAscent(percentile), descent, rho, name="zsharp", **when_and_where)
