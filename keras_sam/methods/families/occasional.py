"""SAM on some of the updates, for less than its full price."""

from typing import Any

from keras_sam import checks
from keras_sam.ascent import DualNormAscent, LayerwiseAscent
from keras_sam.descent import PerturbedGradient, ReusedGradient
from keras_sam.methods.method import Method
from keras_sam.methods.registry import NO_FRACTION, Cost, register
from keras_sam.policy import GradientNormPolicy
from keras_sam.schedules import Rho


@register(
    "periodic",
    summary="SAM on each `every`-th update",
    paper="Composer",
    cost=Cost(cycle="every"),
    fixed=NO_FRACTION,
    brief={"every": 2},
)
def Periodic(rho: Rho = 0.05, p: float = 2, every: int = 5, **when_and_where: Any) -> Method:
    """SAM on each `every`-th update, the plain gradient on the others.

    Args:
        rho: Radius, a float of at least 0 or a `LearningRateSchedule`; more than SAM's where
            `every` is large. Defaults to `0.05`.
        {{p}}
        every: Positive integer; the first update of each `every` perturbs. Defaults to `5`.
        {{when_and_where}}

    Returns:
        `Method` named `"periodic"`, at `1 + 1 / every` gradients a step.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        The `interval` of SAM in MosaicML Composer.

    Example:

    >>> method = keras_sam.methods.Periodic(rho=0.1, every=2)
    """
    descent = PerturbedGradient()
    return Method(DualNormAscent(p), descent, rho, every=every, name="periodic", **when_and_where)


@register(
    "late",
    summary="SAM from update `start` on",
    paper="Zhou et al. 2025",
    cost=Cost(start="start"),
    fixed=NO_FRACTION,
    brief={"start": 2},
)
def Late(rho: Rho = 0.05, p: float = 2, start: int = 1000, **when_and_where: Any) -> Method:
    """The plain gradient before update `start`, SAM from then on.

    Args:
        {{rho}}
        {{p}}
        start: Integer of at least 0, the first update that perturbs. Defaults to `1000`.
        {{when_and_where}}

    Returns:
        `Method` named `"late"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Zhou et al., Sharpness-Aware Minimization Efficiently Selects Flatter Minima Late in
        Training, ICLR 2025.

    Example:

    >>> method = keras_sam.methods.Late(start=10_000)
    """
    descent = PerturbedGradient()
    return Method(DualNormAscent(p), descent, rho, start=start, name="late", **when_and_where)


@register(
    "looksam",
    summary="SAM on each k-th update, its part reused",
    paper="Liu et al. 2022",
    cost=Cost(cycle="k"),
    state="orthogonal part",
    fixed=("every", "ascent_fraction"),
    brief={"k": 2},
)
def LookSAM(
    rho: Rho = 0.05,
    k: int = 5,
    alpha: float = 0.7,
    layerwise: bool = False,
    p: float = 2,
    **when_and_where: Any,
) -> Method:
    """SAM on each k-th update, and its lasting part on the others.

    Args:
        {{rho}}
        k: Positive integer; the first update of each k perturbs. Defaults to `5`.
        alpha: Float of at least 0, weight of the lasting part. Defaults to `0.7`.
        layerwise: Whether to step in each tensor in proportion to it, as Look-LayerSAM is said
            to do. Defaults to `False`.
        {{p}}
        {{when_and_where}}

    Returns:
        `Method` named `"looksam"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Liu et al., Towards Efficient and Scalable Sharpness-Aware Minimization, CVPR 2022.

    Example:

    >>> method = keras_sam.methods.LookSAM(k=10)
    """
    checks.boolean("layerwise", layerwise)
    if "every" in when_and_where or (layerwise and checks.norm_order(p) != 2):
        raise ValueError(
            "LookSAM takes k in place of every, and with layerwise=True no p. "
            f"Received: {checks.received(**when_and_where, layerwise=layerwise, p=p)}"
        )
    ascent = LayerwiseAscent() if layerwise else DualNormAscent(p)
    descent = ReusedGradient(alpha)
    return Method(
        ascent,
        descent,
        rho,
        every=checks.positive_integer("k", k),
        name="looksam",
        **when_and_where,
    )


@register(
    "ae_sam",
    summary="SAM where the gradient is long",
    paper="Jiang et al. 2023",
    cost=Cost(by_policy=True),
    state="three numbers",
    fixed=NO_FRACTION,
    brief={"l1": -1000000000.0, "l2": -1000000000.0},
)
def AESAM(
    rho: Rho = 0.05,
    l1: float = -1.0,
    l2: float = 1.0,
    decay: float = 0.9,
    total_steps: int | None = None,
    p: float = 2,
    **when_and_where: Any,
) -> Method:
    """SAM where the gradient is long, the plain gradient elsewhere.

    Args:
        {{rho}}
        l1: Float, the threshold at the end, in standard deviations of the squared norm. Defaults
            to `-1.0`.
        l2: Float, the threshold at the start. Defaults to `1.0`.
        decay: Float in [0, 1), of the running mean and variance. Defaults to `0.9`.
        total_steps: Positive integer, updates of the training. Defaults to `None`: the threshold
            stays at the mean of `l1` and `l2`.
        {{p}}
        {{when_and_where}}

    Returns:
        `Method` named `"ae_sam"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Jiang et al., An Adaptive Policy to Employ Sharpness-Aware Minimization, ICLR 2023.

    Example:

    >>> method = keras_sam.methods.AESAM(total_steps=10_000)
    """
    policy = GradientNormPolicy(l1, l2, decay, total_steps)
    descent = PerturbedGradient()
    return Method(DualNormAscent(p), descent, rho, policy=policy, name="ae_sam", **when_and_where)
