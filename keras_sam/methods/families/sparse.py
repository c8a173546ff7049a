"""Methods that perturb some entries or tensors, or listen to some examples."""

from typing import Any

from keras_sam.ascent import (
    DualNormAscent,
    DynamicAscent,
    FisherAscent,
    ReweightedAscent,
    StochasticAscent,
)
from keras_sam.descent import PerturbedGradient, SelectedExamples
from keras_sam.methods.method import Method
from keras_sam.methods.registry import NO_FRACTION, Cost, register
from keras_sam.schedules import Rho


@register(
    "ssam_f",
    summary="perturbs entries of large Fisher information",
    paper="Mi et al. 2022",
    cost=Cost(note="single examples each update_every"),
    state="mask",
    brief={"update_every": 2, "fisher_samples": 3},
)
def SSAMF(
    rho: Rho = 0.05,
    sparsity: float = 0.5,
    update_every: int = 100,
    fisher_samples: int = 16,
    **when_and_where: Any,
) -> Method:
    """SAM on the entries of the largest Fisher information.

    Args:
        {{rho}}
        sparsity: Float in [0, 1), share of the entries that are not perturbed. Defaults to `0.5`.
        update_every: Positive integer, updates between two masks. Defaults to `100`.
        fisher_samples: Positive integer, examples for the information. Defaults to `16`.
        {{when_and_where}}

    Returns:
        `Method` named `"ssam_f"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Mi et al., Make Sharpness-Aware Minimization Stronger: A Sparsified Perturbation Approach,
        NeurIPS 2022, algorithm 2.

    Example:

    >>> method = keras_sam.methods.SSAMF(rho=0.1, sparsity=0.8)
    """
    ascent = FisherAscent(DualNormAscent(), sparsity, update_every, fisher_samples)
    return Method(ascent, PerturbedGradient(), rho, name="ssam_f", **when_and_where)


@register(
    "ssam_d",
    summary="perturbs entries that are dropped and grown",
    paper="Mi et al. 2022",
    state="mask",
    brief={"update_every": 2},
)
def SSAMD(
    rho: Rho = 0.05,
    sparsity: float = 0.5,
    update_every: int = 100,
    drop_rate: float = 0.5,
    growth: str = "random",
    total_steps: int | None = None,
    **when_and_where: Any,
) -> Method:
    """SAM on entries that are dropped and grown as in sparse training.

    Args:
        {{rho}}
        sparsity: Float in [0, 1), share of the entries that are not perturbed. Defaults to `0.5`.
        update_every: Positive integer, updates between two masks. Defaults to `100`.
        drop_rate: Float in [0, 1), share of the perturbed entries to change. Defaults to `0.5`.
        growth: `"random"`, `"gradient"` or `"weight"`. Defaults to `"random"`.
        total_steps: Positive integer, updates over which the drop rate falls to 0. Defaults to
            `None`: it stays.
        {{when_and_where}}

    Returns:
        `Method` named `"ssam_d"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Mi et al., Make Sharpness-Aware Minimization Stronger: A Sparsified Perturbation Approach,
        NeurIPS 2022, algorithm 3.

    Example:

    >>> method = keras_sam.methods.SSAMD(growth="gradient")
    """
    ascent = DynamicAscent(DualNormAscent(), sparsity, update_every, drop_rate, growth, total_steps)
    return Method(ascent, PerturbedGradient(), rho, name="ssam_d", **when_and_where)


@register(
    "esam",
    summary="some tensors, and the examples that react",
    paper="Du et al. 2022",
    cost=Cost(1, per="gamma", forwards=1),
    fixed=NO_FRACTION,
    neutral={"gamma": 1.0},
)
def ESAM(
    rho: Rho = 0.05, beta: float = 0.6, gamma: float = 0.5, p: float = 2, **when_and_where: Any
) -> Method:
    """SAM of some tensors, on the examples that react most.

    Args:
        {{rho}}
        beta: Float in (0, 1], chance of a tensor to be perturbed. Defaults to `0.6`.
        gamma: Float in (0, 1], share of the batch to descend with. Defaults to `0.5`.
        {{p}}
        {{when_and_where}}

    Returns:
        `Method` named `"esam"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Du et al., Efficient Sharpness-aware Minimization for Improved Training of Neural Networks,
        ICLR 2022.

    Example:

    >>> method = keras_sam.methods.ESAM(beta=0.5)
    """
    ascent = StochasticAscent(DualNormAscent(p), beta)
    return Method(ascent, SelectedExamples(gamma), rho, name="esam", **when_and_where)


@register(
    "delta_sam",
    summary="ascent from the examples that react most",
    paper="Zhou et al. 2022",
    cost=Cost(forwards=2),
    fixed=NO_FRACTION,
)
def DeltaSAM(
    rho: Rho = 0.05, weights: str = "curvature", noise: float = 0.01, **when_and_where: Any
) -> Method:
    """SAM whose ascent listens to the examples that react to perturbations; a reconstruction.

    Args:
        {{rho}}
        weights: `"curvature"` or `"slope"`, what an example's weight is made of. Defaults to
            `"curvature"`.
        noise: Positive float, size of the random perturbation. Defaults to `0.01`.
        {{when_and_where}}

    Returns:
        `Method` named `"delta_sam"`.

    Raises:
        ValueError: If an argument is outside its range.

    Reference:
        Zhou et al., Sharpness-Aware Minimization with Dynamic Reweighting, Findings of EMNLP 2022;
        its exact formula is not confirmed.

    Example:

    >>> method = keras_sam.methods.DeltaSAM(weights="slope")
    """
    ascent = ReweightedAscent(DualNormAscent(), weights, noise)
    return Method(ascent, PerturbedGradient(), rho, name="delta_sam", **when_and_where)
