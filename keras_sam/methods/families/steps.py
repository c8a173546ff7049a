"""Methods that climb in several steps."""

import math
from typing import Any

from keras_sam import checks
from keras_sam.ascent import AdaptiveAscent, DualNormAscent, MultiStepAscent
from keras_sam.descent import InterpolatedGradient, PerturbedGradient
from keras_sam.methods.method import Method
from keras_sam.methods.registry import Cost, register
from keras_sam.schedules import Rho


@register(
    "fgsm",
    summary="sign steps, optionally with momentum",
    paper="Dong et al. 2018",
    cost=Cost(1, per="steps"),
    brief={"steps": 2},
)
def FGSM(
    rho: Rho = 0.001,
    steps: int = 1,
    projection: bool = False,
    step_size: float | None = None,
    momentum: float = 0.0,
    **when_and_where: Any,
) -> Method:
    """Signs of the gradient: FGSM, I-FGSM for several steps, MI-FGSM with momentum.

    Args:
        rho: Radius in the largest entry, a float of at least 0 or a `LearningRateSchedule`. Every
            weight moves by the whole of it, with 0.001 a million of them by 1 in the 2-norm.
            Defaults to `0.001`.
        steps: Positive integer, ascent steps. Defaults to `1`.
        projection: Whether to take steps of `step_size` and clip to the ball, rather than steps
            of rho / steps. Defaults to `False`.
        step_size: Positive float in the units of rho, with projection. Defaults to `None`, rho.
        momentum: Float of at least 0; the paper has 1. Defaults to `0.0`.
        {{when_and_where}}

    Returns:
        `Method` named `"fgsm"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Goodfellow et al., Explaining and Harnessing Adversarial Examples, ICLR 2015; Dong et
        al., Boosting Adversarial Attacks with Momentum, CVPR 2018; here in weight space.

    Example:

    >>> method = keras_sam.methods.FGSM(rho=0.01, steps=3, momentum=1.0)
    """
    ascent = MultiStepAscent(DualNormAscent(math.inf), steps, projection, step_size, momentum)
    return Method(ascent, PerturbedGradient(), rho, name="fgsm", **when_and_where)


@register(
    "multistep",
    summary="several ascent steps",
    paper="Foret et al. 2021, C.6",
    cost=Cost(1, per="steps"),
    brief={"steps": 2},
)
def MultiStep(
    rho: Rho = 0.05,
    steps: int = 2,
    p: float = 2,
    projection: bool = False,
    step_size: float | None = None,
    momentum: float = 0.0,
    adaptive: bool = False,
    **when_and_where: Any,
) -> Method:
    """SAM with several ascent steps on the batch.

    Args:
        {{rho}}
        steps: Positive integer, ascent steps. Defaults to `2`.
        {{p}}
        projection: Whether to take steps of `step_size` and project onto the ball, rather than
            steps of rho / steps. Defaults to `False`.
        step_size: Positive float in the units of rho, with projection. Defaults to `None`, rho.
        momentum: Float of at least 0, weight of the earlier gradients. Defaults to `0.0`.
        adaptive: Whether the ball is scaled with the magnitude of every weight, as that of
            `asam(eta=0.0, scaled="all")`. Defaults to `False`.
        {{when_and_where}}

    Returns:
        `Method` named `"multistep"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Foret et al., ICLR 2021, appendix C.6, where more steps find a higher loss and the same
        test error.

    Example:

    >>> method = keras_sam.methods.MultiStep(steps=3, projection=True, step_size=0.03)
    """
    is_scaled = checks.boolean("adaptive", adaptive)
    step = AdaptiveAscent(p, eta=0.0, scaled="all") if is_scaled else DualNormAscent(p)
    ascent = MultiStepAscent(step, steps, projection, step_size, momentum)
    return Method(ascent, PerturbedGradient(), rho, name="multistep", **when_and_where)


@register(
    "xsam",
    summary="turns between the way up and the gradient there",
    paper="Chen and Zhou 2026",
    cost=Cost(1, per="steps", search=(21, "search_every")),
    state="a number",
    brief={"search_every": 3},
)
def XSAM(
    rho: Rho = 0.15,
    alpha: float | None = None,
    steps: int = 1,
    rho_max: float = 0.3,
    search_every: int = 400,
    **when_and_where: Any,
) -> Method:
    """SAM whose gradient is turned towards where the loss nearby is largest.

    Args:
        {{rho}}
        alpha: Float, how far on the arc from the way up, at 0, to SAM's gradient, at 1, and beyond
            it. Defaults to `None`, to look for it.
        steps: Positive integer, ascent steps of rho / steps. Defaults to `1`.
        rho_max: Positive float, distance from the weights at which alpha is looked for. Defaults
            to `0.3`.
        search_every: Positive integer, updates between two searches; the paper has one an epoch.
            Defaults to `400`.
        {{when_and_where}}

    Returns:
        `Method` named `"xsam"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Chen and Zhou, Revisiting Sharpness-Aware Minimization: A More Faithful and Effective
        Implementation, ICLR 2026.

    Example:

    >>> method = keras_sam.methods.XSAM(alpha=1.2)
    """
    steps = checks.positive_integer("steps", steps)
    ascent = DualNormAscent() if steps == 1 else MultiStepAscent(DualNormAscent(), steps)
    descent = InterpolatedGradient(alpha, rho_max, search_every)
    return Method(ascent, descent, rho, name="xsam", **when_and_where)
