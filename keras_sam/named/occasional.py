"""SAM on some of the updates, for less than its full price."""

from keras_sam.ascent import DualNormAscent
from keras_sam.descent import PerturbedGradient
from keras_sam.method import Method
from keras_sam.schedules import Rho


def Periodic(rho: Rho = 0.05, p: float = 2, every: int = 5, **when_and_where) -> Method:
    """SAM on each `every`-th update, the plain gradient on the others.

    Args:
        rho: Radius, a float of at least 0 or a `LearningRateSchedule`; more than SAM's where
            `every` is large. Defaults to `0.05`.
        p: Order of the norm, from 1 to `math.inf`. Defaults to `2`.
        every: Positive integer; the first update of each `every` perturbs. Defaults to `5`.
        **when_and_where: `mask` and `start` of `keras_sam.methods.Method`.

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


def Late(rho: Rho = 0.05, p: float = 2, start: int = 1000, **when_and_where) -> Method:
    """The plain gradient before update `start`, SAM from then on.

    Args:
        rho: Radius, a float of at least 0 or a `LearningRateSchedule`. Defaults to `0.05`.
        p: Order of the norm, from 1 to `math.inf`. Defaults to `2`.
        start: Integer of at least 0, the first update that perturbs. Defaults to `1000`.
        **when_and_where: `mask` and `every` of `keras_sam.methods.Method`.

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
