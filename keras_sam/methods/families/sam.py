"""SAM, and what it becomes on some of the variables or with its exact gradient."""

from typing import Any

from keras_sam.ascent import DualNormAscent
from keras_sam.descent import PerturbedGradient, SecondOrderGradient
from keras_sam.masks import Mask
from keras_sam.methods.method import Method
from keras_sam.methods.registry import NO_FRACTION, Cost, register
from keras_sam.schedules import Rho


@register(
    "sam",
    summary="gradient at the worst point of a p-norm ball",
    paper="Foret et al. 2021",
)
def SAM(rho: Rho = 0.05, p: float = 2, **when_and_where: Any) -> Method:
    """The gradient at the worst point of a p-norm ball, to first order.

    Args:
        {{rho}}
        {{p}}
        {{when_and_where}}

    Returns:
        `Method` named `"sam"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Foret et al., Sharpness-Aware Minimization for Efficiently Improving Generalization,
        ICLR 2021, equations 2 and 3.

    Example:

    >>> method = keras_sam.methods.SAM(rho=0.1, every=2)
    """
    return Method(DualNormAscent(p), PerturbedGradient(), rho, name="sam", **when_and_where)


@register(
    "second_order",
    summary="the exact gradient of SAM's objective",
    paper="Foret et al. 2021, C.4",
    cost=Cost(1, per="steps", hessian_products="steps"),
    fixed=NO_FRACTION,
)
def SecondOrder(rho: Rho = 0.05, p: float = 2, steps: int = 1, **when_and_where: Any) -> Method:
    """The gradient at the worst point with the term that SAM drops.

    Args:
        {{rho}}
        {{p}}
        steps: Positive integer, ascent steps of rho / steps, as those of `MultiStep`. Defaults to
            `1`.
        {{when_and_where}}

    Returns:
        `Method` named `"second_order"`, at the price of a Hessian-vector product a step.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Foret et al., ICLR 2021, appendix C.4, where it does slightly worse than `SAM`.

    Example:

    >>> method = keras_sam.methods.SecondOrder(rho=0.1)
    """
    descent = SecondOrderGradient(steps)
    return Method(DualNormAscent(p), descent, rho, name="second_order", **when_and_where)


@register(
    "sam_on",
    summary="perturbs normalization layers only",
    paper="Mueller et al. 2023",
)
def SAMON(
    rho: Rho = 0.5, p: float = 2, mask: Mask = "normalization", **when_and_where: Any
) -> Method:
    """SAM that perturbs the normalization layers alone, and trains all.

    Args:
        rho: Radius, a float of at least 0 or a `LearningRateSchedule`; larger than SAM's, for
            the norm runs over few variables. Defaults to `0.5`.
        {{p}}
        mask: As in `keras_sam.methods.Method`. Defaults to `"normalization"`.
        {{when_and_where}}

    Returns:
        `Method` named `"sam_on"`.

    Raises:
        ValueError: If an argument is outside its range; at construction of the `SAMModel`, or
            at its first step, if the model has no such variable.

    Reference:
        Mueller et al., Normalization Layers Are All That Sharpness-Aware Minimization Needs,
        NeurIPS 2023.

    Example:

    >>> method = keras_sam.methods.SAMON(rho=1.0)
    """
    return Method(
        DualNormAscent(p), PerturbedGradient(), rho, mask, name="sam_on", **when_and_where
    )
