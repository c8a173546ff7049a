"""Methods that tell the network's curvature from the loss's."""

from typing import Any

from keras_sam import checks
from keras_sam.ascent import DualNormAscent, PreconditionedAscent
from keras_sam.descent import FunctionalGradient
from keras_sam.methods.method import Method
from keras_sam.methods.registry import NO_FRACTION, register
from keras_sam.schedules import Rho


@register(
    "functional_sam",
    summary="the loss's slopes from the clean outputs",
    paper="Singh et al. 2025",
    state="with `preconditioned`, mean square",
    fixed=NO_FRACTION,
)
def FunctionalSAM(
    rho: Rho = 0.05, preconditioned: bool = False, p: float = 2, **when_and_where: Any
) -> Method:
    """SAM whose perturbed gradient has the slopes of the loss at the clean outputs.

    Args:
        {{rho}}
        preconditioned: Whether the ascent is along the gradient as Adam scales it, whatever the
            optimizer. Defaults to `False`.
        {{p}}
        {{when_and_where}}

    Returns:
        `Method` named `"functional_sam"`.

    Raises:
        ValueError: If an argument is outside its range; in a `SAMStep`, whose loss function does
            not tell the outputs.

    Reference:
        Singh et al., Avoiding Spurious Sharpness Minimization Broadens Applicability of SAM, ICML
        2025.

    Example:

    >>> method = keras_sam.methods.FunctionalSAM(preconditioned=True)
    """
    is_scaled = checks.boolean("preconditioned", preconditioned)
    step = DualNormAscent(p)
    ascent = PreconditionedAscent(step) if is_scaled else step
    return Method(ascent, FunctionalGradient(), rho, name="functional_sam", **when_and_where)
