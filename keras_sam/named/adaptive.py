"""Methods whose ball is scaled with the weights."""

from keras_sam.ascent import AdaptiveAscent
from keras_sam.descent import PerturbedGradient
from keras_sam.method import Method
from keras_sam.schedules import Rho


def ASAM(
    rho: Rho = 0.5,
    p: float = 2,
    eta: float = 0.01,
    normalization: str = "element",
    scaled: str = "weights",
    **when_and_where,
) -> Method:
    """SAM on a ball that is scaled with the weights, and so blind to their scale.

    Args:
        rho: Radius relative to the weights, a float of at least 0 or a `LearningRateSchedule`;
            about ten times SAM's. Defaults to `0.5`.
        p: Order of the norm, from 1 to `math.inf`. Defaults to `2`.
        eta: Float of at least 0, the least size of a weight. Defaults to `0.01`.
        normalization: `"element"`, or `"filter"` to measure a weight by its filter. Defaults to
            `"element"`.
        scaled: `"weights"` leaves biases and betas unscaled, as the authors do, who use rho
            0.5 on CIFAR-10 and 1.0 on CIFAR-100 and ImageNet; `"all"` scales these as well, as
            PyTorch ports with `adaptive=True` do, where about 2.0 is best. Defaults to
            `"weights"`.
        **when_and_where: `mask`, `every` and `start` of `keras_sam.methods.Method`.

    Returns:
        `Method` named `"asam"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Kwon et al., ASAM: Adaptive Sharpness-Aware Minimization for Scale-Invariant Learning of
        Deep Neural Networks, ICML 2021, equations 5 and 6.

    Example:

    >>> method = keras_sam.methods.ASAM(rho=1.0, normalization="filter")
    """
    ascent = AdaptiveAscent(p, eta, normalization, scaled)
    return Method(ascent, PerturbedGradient(), rho, name="asam", **when_and_where)
