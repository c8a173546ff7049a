"""Methods that look where the optimizer is about to go."""

from typing import Any

from keras_sam.ascent import DualNormAscent
from keras_sam.descent import ExtraGradient, LookbehindGradient, OptimisticGradient
from keras_sam.methods.method import Method
from keras_sam.methods.registry import NO_FRACTION, Cost, register
from keras_sam.policy import GradientNormPolicy
from keras_sam.schedules import Rho


@register(
    "lookahead_sam",
    summary="SAM a step down the clean gradient",
    paper="Yu et al. 2024",
    fixed=NO_FRACTION,
    neutral={"step": 0.0},
)
def LookaheadSAM(
    rho: Rho = 0.05, step: float | None = None, p: float = 2, **when_and_where: Any
) -> Method:
    """SAM at the weights that the clean gradient leads to.

    Args:
        {{rho}}
        step: Float of at least 0, how far down the clean gradient; `None` for the learning rate.
            Defaults to `None`.
        {{p}}
        {{when_and_where}}

    Returns:
        `Method` named `"lookahead_sam"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Yu et al., Improving Sharpness-Aware Minimization by Lookahead, ICML 2024.

    Example:

    >>> method = keras_sam.methods.LookaheadSAM(step=0.1)
    """
    return Method(
        DualNormAscent(p), ExtraGradient(step), rho, name="lookahead_sam", **when_and_where
    )


@register(
    "opt_sam",
    summary="SAM a step down the last gradient",
    paper="Yu et al. 2024",
    state="gradient",
    fixed=NO_FRACTION,
    neutral={"step": 0.0},
)
def OptSAM(
    rho: Rho = 0.05, step: float | None = None, p: float = 2, **when_and_where: Any
) -> Method:
    """SAM at the weights that the last perturbed gradient leads to.

    Args:
        {{rho}}
        step: Float of at least 0, how far down the last gradient; `None` for the learning rate.
            Defaults to `None`.
        {{p}}
        {{when_and_where}}

    Returns:
        `Method` named `"opt_sam"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Yu et al., Improving Sharpness-Aware Minimization by Lookahead, ICML 2024; details are not
        confirmed.

    Example:

    >>> method = keras_sam.methods.OptSAM(step=0.1)
    """
    return Method(
        DualNormAscent(p), OptimisticGradient(step), rho, name="opt_sam", **when_and_where
    )


@register(
    "ao_sam",
    summary="Opt-SAM where the gradient is long",
    paper="Yu et al. 2024",
    cost=Cost(by_policy=True),
    state="gradient, three numbers",
    fixed=NO_FRACTION,
    neutral={"step": 0.0},
    brief={"l1": -1000000000.0, "l2": -1000000000.0},
)
def AOSAM(
    rho: Rho = 0.05,
    step: float | None = None,
    l1: float = -1.0,
    l2: float = 1.0,
    decay: float = 0.9,
    total_steps: int | None = None,
    p: float = 2,
    **when_and_where: Any,
) -> Method:
    """Opt-SAM where the gradient is long.

    Args:
        {{rho}}
        step: As in `OptSAM`. Defaults to `None`.
        l1: As in `AESAM`. Defaults to `-1.0`.
        l2: As in `AESAM`. Defaults to `1.0`.
        decay: As in `AESAM`. Defaults to `0.9`.
        total_steps: As in `AESAM`. Defaults to `None`.
        {{p}}
        {{when_and_where}}

    Returns:
        `Method` named `"ao_sam"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Yu et al., Improving Sharpness-Aware Minimization by Lookahead, ICML 2024; details are not
        confirmed.

    Example:

    >>> method = keras_sam.methods.AOSAM(total_steps=10_000)
    """
    policy = GradientNormPolicy(l1, l2, decay, total_steps)
    descent = OptimisticGradient(step)
    return Method(DualNormAscent(p), descent, rho, policy=policy, name="ao_sam", **when_and_where)


@register(
    "lookbehind",
    summary="climbs k times, descends with each",
    paper="Mordido et al. 2024",
    cost=Cost(1, per="k"),
    state="momentum, if any",
    fixed=NO_FRACTION,
    neutral={"k": 1, "alpha": 1.0},
    brief={"momentum": 0.5},
)
def Lookbehind(
    rho: Rho = 0.05,
    k: int = 2,
    alpha: float | str = 0.5,
    momentum: float = 0.0,
    p: float = 2,
    **when_and_where: Any,
) -> Method:
    """Climbs k times, descends with each gradient, and goes a part of the way.

    Args:
        {{rho}}
        k: Positive integer, ascent steps of rho each. Defaults to `2`.
        alpha: Float in (0, 1], the part of the way, or `"adaptive"`. Defaults to `0.5`.
        momentum: Float in [0, 1), through the inner steps; needs plain SGD as the optimizer.
            Defaults to `0.0`.
        {{p}}
        {{when_and_where}}

    Returns:
        `Method` named `"lookbehind"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Mordido et al., Lookbehind-SAM: k steps back, 1 step forward, ICML 2024.

    Example:

    >>> method = keras_sam.methods.Lookbehind(alpha="adaptive")
    """
    descent = LookbehindGradient(k, alpha, momentum)
    return Method(DualNormAscent(p), descent, rho, name="lookbehind", **when_and_where)
