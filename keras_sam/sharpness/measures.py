"""Measures of sharpness by their names, for callbacks and command lines."""

import math
from dataclasses import dataclass

from keras_sam.sharpness.eigenvalues import top_eigenvalues
from keras_sam.sharpness.generalization import generalization_bounds
from keras_sam.sharpness.objective import Objective
from keras_sam.sharpness.operators import KeptHessian
from keras_sam.sharpness.trace import trace
from keras_sam.sharpness.worst_case import worst_case

BOUNDS = ("sam", "mcallester", "maurer", "hoeffding")
RATIO_OF = 5  # λ1 over this eigenvalue, as in the paper of SAM.


@dataclass(frozen=True)
class Settings:
    """What the measures need to know.

    Args:
        rho: Float above 0, radius of the ball of m-sharpness and of the bound.
        adaptive_rho: Float above 0, radius relative to the weights.
        seed: Integer of at least 0.
        n: Positive integer, the size of the training set, for the bound. `None`: the objective's.
        progress: Whether to show bars.
    """

    rho: float = 0.05
    adaptive_rho: float = 0.5
    seed: int = 0
    n: int | None = None
    progress: bool = False


def _eigenvalues(objective: Objective, settings: Settings) -> dict[str, float]:
    count = min(RATIO_OF, objective.size)
    hessian = KeptHessian(objective)
    found = top_eigenvalues(hessian, k=count, seed=settings.seed, progress=settings.progress)
    # Without five positive ones there is nothing to compare with.
    has_ratio = count == RATIO_OF and found.values[-1] > 0
    ratio = found.ratio(RATIO_OF) if has_ratio else math.nan
    return {"lambda_max": float(found.values[0]), "lambda_ratio": ratio}


def _trace(objective: Objective, settings: Settings) -> dict[str, float]:
    found = trace(KeptHessian(objective), seed=settings.seed, progress=settings.progress)
    return {"trace": found.value}


def _m_sharpness(objective: Objective, settings: Settings) -> dict[str, float]:
    return {"m_sharpness": worst_case(objective, settings.rho, progress=settings.progress).value}


def _adaptive(objective: Objective, settings: Settings) -> dict[str, float]:
    found = worst_case(
        objective,
        settings.adaptive_rho,
        method="apgd",
        adaptive=True,
        logit_normalization=True,
        progress=settings.progress,
    )
    return {"adaptive": found.value}


def _bound(objective: Objective, settings: Settings) -> dict[str, float]:
    found = generalization_bounds(
        objective,
        settings.rho,
        seed=settings.seed,
        n=settings.n,
        progress=settings.progress,
    )
    return {f"bound_{name}": getattr(found, name) for name in BOUNDS}


MEASURES = {
    "eigenvalues": _eigenvalues,
    "trace": _trace,
    "m_sharpness": _m_sharpness,
    "adaptive": _adaptive,
    "bound": _bound,
}
NAMES = {
    "eigenvalues": ("lambda_max", "lambda_ratio"),
    "trace": ("trace",),
    "m_sharpness": ("m_sharpness",),
    "adaptive": ("adaptive",),
    "bound": tuple(f"bound_{name}" for name in BOUNDS),
}
