"""The table of named methods: a new method is one row, and its two lines below."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from keras_sam.ascent import AdaptiveAscent, DualNormAscent, MultiStepAscent
from keras_sam.descent import PerturbedGradient, SecondOrderGradient
from keras_sam.method import Method


@dataclass(frozen=True)
class Row:
    """A named method.

    Args:
        name: Registry name, as in `SAMModel(model, method=name)`.
        factory: Builds the `Method`; its keyword arguments are the method's options.
        summary: One line on what the method does.
        paper: Short reference.
        cost: Gradient evaluations a step as a function of the method.
        state: What the method keeps between steps beside the optimizer's state.
    """

    name: str
    factory: Callable[..., Method]
    summary: str
    paper: str
    cost: str
    state: str = "none"


def SAM(rho=0.05, p=2, **when):
    """The gradient at the worst point of a p-norm ball: `Method` named `"sam"`."""
    return Method(DualNormAscent(p), PerturbedGradient(), rho, name="sam", **when)


def FGSM(rho=0.05, steps=1, projection=False, step_size=None, momentum=0.0, **when):
    """Sign steps, with momentum MI-FGSM in weight space: `Method` named `"fgsm"`."""
    ascent = MultiStepAscent(DualNormAscent(math.inf), steps, projection, step_size, momentum)
    return Method(ascent, PerturbedGradient(), rho, name="fgsm", **when)


def MultiStep(rho=0.05, steps=2, p=2, projection=False, step_size=None, momentum=0.0, **when):
    """SAM with several ascent steps on a batch: `Method` named `"multistep"`."""
    ascent = MultiStepAscent(DualNormAscent(p), steps, projection, step_size, momentum)
    return Method(ascent, PerturbedGradient(), rho, name="multistep", **when)


def SecondOrder(rho=0.05, p=2, **when):
    """SAM with the exact gradient of its objective: `Method` named `"second_order"`."""
    return Method(DualNormAscent(p), SecondOrderGradient(), rho, name="second_order", **when)


def ASAM(rho=0.5, p=2, eta=0.01, normalization="element", scaled="weights", **when):
    """SAM on a ball scaled with the weights: `Method` named `"asam"`."""
    ascent = AdaptiveAscent(p, eta, normalization, scaled)
    return Method(ascent, PerturbedGradient(), rho, name="asam", **when)


def SAMON(rho=0.5, p=2, mask="normalization", **when):
    """SAM that perturbs normalization layers only: `Method` named `"sam_on"`."""
    return Method(DualNormAscent(p), PerturbedGradient(), rho, mask, name="sam_on", **when)


def Periodic(rho=0.05, p=2, every=5, **when):
    """SAM on each `every`-th update, else the plain gradient: `Method` named `"periodic"`."""
    return Method(DualNormAscent(p), PerturbedGradient(), rho, every=every, name="periodic", **when)


def Late(rho=0.05, p=2, start=1000, **when):
    """SAM from update `start` on, the plain gradient before: `Method` named `"late"`."""
    return Method(DualNormAscent(p), PerturbedGradient(), rho, start=start, name="late", **when)


ROWS = {
    row.name: row
    for row in (
        Row("sam", SAM, "gradient at the worst point of a p-norm ball", "Foret et al. 2021", "2"),
        Row("fgsm", FGSM, "sign steps, optionally with momentum", "Dong et al. 2018", "1 + steps"),
        Row("multistep", MultiStep, "several ascent steps", "Foret et al. 2021, C.6", "1 + steps"),
        Row(
            "second_order",
            SecondOrder,
            "the exact gradient of SAM's objective",
            "Foret et al. 2021, C.4",
            "2 and a Hessian-vector product",
        ),
        Row("asam", ASAM, "a ball scaled with the weights", "Kwon et al. 2021", "2"),
        Row("sam_on", SAMON, "perturbs normalization layers only", "Mueller et al. 2023", "2"),
        Row("periodic", Periodic, "SAM on each `every`-th update", "Composer", "1 + 1 / every"),
        Row("late", Late, "SAM from update `start` on", "Zhou et al. 2025", "1, then 2"),
    )
}
