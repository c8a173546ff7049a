"""The method that is a relaxation of Bayes."""

from typing import Any

from keras_sam.ascent import PrecisionAscent
from keras_sam.descent import BayesianGradient
from keras_sam.methods.method import Method
from keras_sam.methods.registry import register
from keras_sam.schedules import Rho


@register(
    "bsam",
    summary="a relaxation of Bayes, with its own update",
    paper="Moellenhoff and Khan 2023",
    state="precision, momentum",
    fixed=("every", "start", "ascent_fraction"),
    neutral=None,
)
def BSAM(
    rho: Rho = 0.01,
    data_size: int = 50_000,
    prior_precision: float = 40.0,
    momentum: float = 0.9,
    precision_decay: float = 0.999,
    damping: float = 0.1,
    initial_precision: float = 1.0,
    **when_and_where: Any,
) -> Method:
    """SAM as a relaxation of Bayes: keeps the precision of each weight, and makes its own update.

    Args:
        rho: Factor of the gradient, which is not normalised; a float of at least 0 or a schedule
            of `keras_sam.schedules.Rho`. Defaults to `0.01`.
        data_size: Positive integer, number of training examples. Defaults to `50_000`.
        prior_precision: Float of at least 0. Defaults to `40.0`.
        momentum: Float in [0, 1). Defaults to `0.9`.
        precision_decay: Float in [0, 1). Defaults to `0.999`.
        damping: Float of at least 0. Defaults to `0.1`.
        initial_precision: Positive float. Defaults to `1.0`.
        {{when_and_where}}

    Returns:
        `Method` named `"bsam"`.

    Raises:
        ValueError: If an argument is outside its range, or, at training, the optimizer is not
            plain SGD.

    Reference:
        Moellenhoff and Khan, SAM as an Optimal Relaxation of Bayes, ICLR 2023, algorithm 1.

    Example:

    >>> method = keras_sam.methods.BSAM(data_size=1_000)
    """
    ascent = PrecisionAscent(data_size, initial_precision)
    descent = BayesianGradient(
        data_size, prior_precision, momentum, precision_decay, damping, initial_precision
    )
    return Method(ascent, descent, rho, name="bsam", **when_and_where)
