"""Methods that draw random weights."""

from typing import Any

from keras_sam import checks
from keras_sam.ascent import DualNormAscent, NoisyAscent, RandomAscent
from keras_sam.descent import (
    PerturbedGradient,
    UniversalGradient,
    VarianceGradient,
)
from keras_sam.descent.universal import exponential_decay, inverse_square
from keras_sam.methods.method import Method
from keras_sam.methods.registry import NO_FRACTION, Cost, register
from keras_sam.schedules import Rho


@register(
    "random_sam",
    summary="ascent from random weights nearby",
    paper="Liu et al. 2022b",
    fixed=NO_FRACTION,
    neutral={"sigma": 0.0},
)
def RandomSAM(
    rho: Rho = 0.05, sigma: Rho = 5e-4, lam: float = 2.0, p: float = 2, **when_and_where: Any
) -> Method:
    """R-SAM: takes the ascent's gradient at random weights nearby.

    Args:
        {{rho}}
        sigma: Noise relative to the filters' norms, a float of at least 0 or a
            `LearningRateSchedule`; the paper's grows to 2.5e-3. Defaults to `5e-4`.
        lam: Float of at least 0, weight of the gradient beside the noise. Defaults to `2.0`.
        {{p}}
        {{when_and_where}}

    Returns:
        `Method` named `"random_sam"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Liu et al., Random Sharpness-Aware Minimization, NeurIPS 2022.

    Example:

    >>> method = keras_sam.methods.RandomSAM(sigma=1e-3)
    """
    ascent = NoisyAscent(DualNormAscent(p), sigma, lam)
    return Method(ascent, PerturbedGradient(), rho, name="random_sam", **when_and_where)


@register(
    "trace_sam",
    summary="penalty on the Hessian's trace",
    paper="Tahmasebi et al. 2024",
    cost=Cost(1, per="samples"),
    fixed=NO_FRACTION,
)
def TraceSAM(
    rho: Rho = 0.01, strength: float = 1.0, samples: int = 1, **when_and_where: Any
) -> Method:
    """A penalty on the trace of the Hessian, from the rise of the loss around the weights.

    Args:
        {{rho}}
        strength: Float, weight of the penalty. Defaults to `1.0`.
        samples: Positive integer, draws a step. Defaults to `1`.
        {{when_and_where}}

    Returns:
        `Method` named `"trace_sam"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Tahmasebi et al., A Universal Class of Sharpness-Aware Minimization Algorithms, ICML 2024.

    Example:

    >>> method = keras_sam.methods.TraceSAM(samples=2)
    """
    descent = UniversalGradient(strength=strength, samples=samples)
    return Method(RandomAscent(), descent, rho, name="trace_sam", **when_and_where)


@register(
    "frob_sam",
    summary="penalty on the Hessian's Frobenius norm",
    paper="Tahmasebi et al. 2024",
    cost=Cost(1, per="samples"),
    fixed=NO_FRACTION,
)
def FrobSAM(
    rho: Rho = 0.005, strength: float = 0.005, samples: int = 2, **when_and_where: Any
) -> Method:
    """A penalty on the Hessian's Frobenius norm, from the variance of the loss around the weights.

    Args:
        {{rho}}
        strength: Float, weight of the penalty. Defaults to `0.005`.
        samples: Integer of at least 2, draws a step. Defaults to `2`.
        {{when_and_where}}

    Returns:
        `Method` named `"frob_sam"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Tahmasebi et al., A Universal Class of Sharpness-Aware Minimization Algorithms, ICML 2024.

    Example:

    >>> method = keras_sam.methods.FrobSAM(samples=4)
    """
    descent = VarianceGradient(strength, samples)
    return Method(RandomAscent(), descent, rho, name="frob_sam", **when_and_where)


@register(
    "det_sam",
    summary="penalty on the Hessian's determinant",
    paper="Tahmasebi et al. 2024",
    cost=Cost(1, per="samples"),
    fixed=NO_FRACTION,
)
def DetSAM(
    rho: Rho = 1.0,
    strength: float = 1.0,
    samples: int = 1,
    half_length: float = 0.01,
    **when_and_where: Any,
) -> Method:
    """A penalty on the determinant of the Hessian.

    Args:
        {{rho}}
        strength: Float, weight of the penalty. Defaults to `1.0`.
        samples: Positive integer, draws a step. Defaults to `1`.
        half_length: Positive float, half the edge of the cube to draw from. Defaults to `0.01`.
        {{when_and_where}}

    Returns:
        `Method` named `"det_sam"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Tahmasebi et al., A Universal Class of Sharpness-Aware Minimization Algorithms, ICML 2024.

    Example:

    >>> method = keras_sam.methods.DetSAM(samples=2)
    """
    descent = UniversalGradient(inverse_square, exponential_decay, strength, samples)
    ascent = RandomAscent("cube", checks.positive("half_length", half_length))
    return Method(ascent, descent, rho, name="det_sam", **when_and_where)
