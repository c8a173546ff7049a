"""Methods whose ball is scaled with the weights."""

from typing import Any

import keras

from keras_sam import checks
from keras_sam.ascent import AdaptiveAscent, WidthScaledAscent
from keras_sam.descent import PerturbedGradient
from keras_sam.methods.method import Method
from keras_sam.methods.registry import register
from keras_sam.schedules import Rho


@register(
    "asam",
    summary="a ball scaled with the weights",
    paper="Kwon et al. 2021",
)
def ASAM(
    rho: Rho = 0.5,
    p: float = 2,
    eta: float = 0.01,
    normalization: str = "element",
    scaled: str = "weights",
    **when_and_where: Any,
) -> Method:
    """SAM on a ball that is scaled with the weights, and so blind to their scale.

    Args:
        rho: Radius relative to the weights, a float of at least 0 or a `LearningRateSchedule`;
            about ten times SAM's. Defaults to `0.5`.
        {{p}}
        eta: Float of at least 0, the least size of a weight. Defaults to `0.01`.
        normalization: `"element"`, or `"filter"` to measure a weight by its filter. Defaults to
            `"element"`.
        scaled: `"weights"` leaves biases and betas unscaled, as the authors do, who use rho
            0.5 on CIFAR-10 and 1.0 on CIFAR-100 and ImageNet; `"all"` scales these as well, as
            PyTorch ports with `adaptive=True` do, where about 2.0 is best. Defaults to
            `"weights"`.
        {{when_and_where}}

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


@register(
    "mup_sam",
    summary="one radius for every width",
    paper="Haas et al. 2024",
)
def MuPSAM(
    rho: Rho = 0.05,
    base_widths: dict[int, int] | None = None,
    base_model: keras.Model | None = None,
    preset: str = "mup2",
    **when_and_where: Any,
) -> Method:
    """muP^2: a radius that means the same at every width.

    Args:
        {{rho}}
        base_widths: Dict from the size of an axis in the model to its size in the model for which
            rho was tuned, such as `{512: 64}`. Defaults to `None`.
        base_model: That model itself, in place of `base_widths`; without either this is SAM.
            Defaults to `None`.
        preset: `"mup2"`, `"naive"`, `"global"` or `"balanced"`. Defaults to `"mup2"`.
        {{when_and_where}}

    Returns:
        `Method` named `"mup_sam"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Haas et al., muP^2: Effective Sharpness Aware Minimization Requires Layerwise Perturbation
        Scaling, NeurIPS 2024.

    Example:

    >>> method = keras_sam.methods.MuPSAM(base_widths={512: 64})
    """
    shapes = None if base_model is None else _shapes(base_model)
    ascent = WidthScaledAscent(base_widths, shapes, preset)
    return Method(ascent, PerturbedGradient(), rho, name="mup_sam", **when_and_where)


def _shapes(base_model: keras.Model) -> list[tuple[int, ...]]:
    if not isinstance(base_model, keras.Model) or not base_model.trainable_variables:
        expected = "a built keras.Model with trainable weights; give it an input or call it once"
        checks.refuse("base_model", expected, base_model)
    return [tuple(variable.shape) for variable in base_model.trainable_variables]
