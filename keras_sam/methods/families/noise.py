"""Methods that train at random weights nearby."""

from typing import Any

from keras_sam import checks
from keras_sam.ascent import FrozenNoiseAscent, HistoryNoiseAscent, RandomAscent
from keras_sam.descent import PerturbedGradient
from keras_sam.methods.families.mixture import mixture
from keras_sam.methods.method import Method
from keras_sam.methods.registry import NO_FRACTION, Cost, register
from keras_sam.schedules import Rho


@register(
    "rwp",
    summary="the gradient at random weights nearby",
    paper="Li et al. 2024b",
    cost=Cost(1),
    fixed=NO_FRACTION,
)
def RWP(rho: Rho = 0.01, **when_and_where: Any) -> Method:
    """The gradient at weights with noise, in one pass.

    Args:
        rho: Standard deviation of the noise relative to the filters' norms, a float of at least 0
            or a schedule of `keras_sam.schedules.Rho`. Defaults to `0.01`.
        {{when_and_where}}

    Returns:
        `Method` named `"rwp"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Li et al., Revisiting Random Weight Perturbation for Efficiently Improving
        Generalization, TMLR 2024; the noise is that of Bisla et al., AISTATS 2022.

    Example:

    >>> method = keras_sam.methods.RWP(rho=0.003)
    """
    ascent = RandomAscent("filter", is_one_pass=True)
    return Method(ascent, PerturbedGradient(), rho, name="rwp", **when_and_where)


@register(
    "arwp",
    summary="random weights, nearer where gradients were long",
    paper="Li et al. 2024b",
    cost=Cost(1),
    state="sum of squared gradients",
    fixed=NO_FRACTION,
)
def ARWP(rho: Rho = 0.01, eta: float = 0.1, decay: float = 0.99, **when_and_where: Any) -> Method:
    """RWP with less noise where earlier gradients were long.

    Args:
        rho: Standard deviation of the noise relative to the filters' norms, a float of at least 0
            or a schedule of `keras_sam.schedules.Rho`. Defaults to `0.01`.
        eta: Float of at least 0, how much those gradients count; 0 is `RWP`. Defaults to `0.1`.
        decay: Float in [0, 1), of the sum of their squares. Defaults to `0.99`.
        {{when_and_where}}

    Returns:
        `Method` named `"arwp"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Li et al., Revisiting Random Weight Perturbation for Efficiently Improving
        Generalization, TMLR 2024.

    Example:

    >>> method = keras_sam.methods.ARWP(rho=0.01, eta=1.0, decay=0.9)
    """
    ascent = HistoryNoiseAscent(eta, decay)
    return Method(ascent, PerturbedGradient(), rho, name="arwp", **when_and_where)


@register(
    "m_rwp",
    summary="the gradients with and without noise, mixed",
    paper="Li et al. 2024b",
    fixed=NO_FRACTION,
)
def MRWP(rho: Rho = 0.015, lam: float = 0.5, **when_and_where: Any) -> Method:
    """A mean of the clean gradient and one at weights with noise, which wait for nothing.

    Args:
        rho: Standard deviation of the noise relative to the filters' norms, a float of at least 0
            or a schedule of `keras_sam.schedules.Rho`. Defaults to `0.015`.
        lam: Float in [0, 1], share of the noisy gradient. Defaults to `0.5`.
        {{when_and_where}}

    Returns:
        `Method` named `"m_rwp"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Li et al., Revisiting Random Weight Perturbation for Efficiently Improving
        Generalization, TMLR 2024, section 4.1.

    Example:

    >>> method = keras_sam.methods.MRWP(lam=0.7)
    """
    descent = mixture(checks.from_zero_to_one("lam", lam))
    return Method(RandomAscent("filter"), descent, rho, name="m_rwp", **when_and_where)


@register(
    "m_arwp",
    summary="the clean gradient and that of ARWP, mixed",
    paper="Li et al. 2024b",
    state="sum of squared gradients",
    fixed=NO_FRACTION,
)
def MARWP(
    rho: Rho = 0.015,
    lam: float = 0.5,
    eta: float = 0.1,
    decay: float = 0.99,
    **when_and_where: Any,
) -> Method:
    """`MRWP` with less noise where earlier noisy gradients were long.

    Args:
        rho: Standard deviation of the noise relative to the filters' norms, a float of at least 0
            or a schedule of `keras_sam.schedules.Rho`. Defaults to `0.015`.
        lam: Float in [0, 1], share of the noisy gradient. Defaults to `0.5`.
        eta: Float of at least 0, how much those gradients count; 0 is `MRWP`. Defaults to `0.1`.
        decay: Float in [0, 1), of the sum of their squares. Defaults to `0.99`.
        {{when_and_where}}

    Returns:
        `Method` named `"m_arwp"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Li et al., Revisiting Random Weight Perturbation for Efficiently Improving
        Generalization, TMLR 2024, sections 4.1 and 4.2.

    Example:

    >>> method = keras_sam.methods.MARWP(lam=0.7, eta=1.0)
    """
    descent = mixture(checks.from_zero_to_one("lam", lam))
    ascent = HistoryNoiseAscent(eta, decay, is_one_pass=False)
    return Method(ascent, descent, rho, name="m_arwp", **when_and_where)


@register(
    "flat_lora",
    summary="noise in the weights under LoRA's adapters",
    paper="Li et al. 2025",
    cost=Cost(1),
    fixed=NO_FRACTION,
)
def FlatLoRA(rho: Rho = 0.05, **when_and_where: Any) -> Method:
    """LoRA with noise in the frozen weights that its adapters are merged into, in one pass.

    Enable LoRA before the model is wrapped.

    Args:
        rho: Length of the noise relative to each filter's norm, a float of at least 0 or a schedule
            of `keras_sam.schedules.Rho`. Defaults to `0.05`.
        {{when_and_where}}

    Returns:
        `Method` named `"flat_lora"`.

    Raises:
        ValueError: If an argument is outside its range; with a model, if it has no LoRA.

    Reference:
        Li et al., Flat-LoRA: Low-Rank Adaptation over a Flat Loss Landscape, ICML 2025,
        section 3.3.

    Example:

    >>> growing = keras_sam.schedules.WarmUpHoldDecay(0.0, total_steps=1000, end=0.05)
    >>> method = keras_sam.methods.FlatLoRA(rho=growing)
    """
    return Method(FrozenNoiseAscent(), PerturbedGradient(), rho, name="flat_lora", **when_and_where)
