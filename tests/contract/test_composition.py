"""Ascents with descents: what fits trains, and what does not is refused with what to use."""

import functools
import itertools
import math

import keras
import numpy as np
import pytest

from keras_sam import SAMModel, ascent, descent
from keras_sam.methods import Method
from tests.toys import mlp, values, vectors

ASCENTS = {
    "dual": ascent.DualNormAscent,
    "adaptive": ascent.AdaptiveAscent,
    "sign": lambda: ascent.DualNormAscent(math.inf),
    "several": lambda: ascent.MultiStepAscent(ascent.AdaptiveAscent(), 2),
    "fisher": lambda: ascent.FisherAscent(ascent.AdaptiveAscent(), update_every=1),
    "dynamic": lambda: ascent.DynamicAscent(update_every=1),
    "friendly": lambda: ascent.FriendlyAscent(ascent.AdaptiveAscent()),
    "width": lambda: ascent.WidthScaledAscent({5: 2}),
    "stochastic": lambda: ascent.StochasticAscent(beta=0.9),
    "layerwise": ascent.LayerwiseAscent,
    "random": ascent.RandomAscent,
    "noisy": ascent.NoisyAscent,
    "reweighted": ascent.ReweightedAscent,
    "previous": ascent.PreviousGradientAscent,
    "momentum": ascent.MomentumAscent,
    "precision": ascent.PrecisionAscent,
    "one_pass": lambda: ascent.RandomAscent("filter", is_one_pass=True),
    "history": ascent.HistoryNoiseAscent,
    "history_in_two": lambda: ascent.HistoryNoiseAscent(is_one_pass=False),
    "frozen": ascent.FrozenNoiseAscent,
    "preconditioned": lambda: ascent.PreconditionedAscent(ascent.AdaptiveAscent()),
    "classes": lambda: ascent.ClassWeightedAscent(weights=[0.5]),
    "z_score": lambda: ascent.ZScoreAscent(0.5),
    "budget": lambda: ascent.BudgetAscent(ascent.AdaptiveAscent(), 0.1),
    "matching": lambda: ascent.MatchingAscent(ascent.AdaptiveAscent()),
}
DESCENTS = {
    "perturbed": descent.PerturbedGradient,
    "gap": descent.SurrogateGapGradient,
    "weighted": descent.WeightedGradient,
    "reused": descent.ReusedGradient,
    "second": descent.SecondOrderGradient,
    "curvature": descent.CurvatureGradient,
    "ahead": descent.ExtraGradient,
    "optimistic": descent.OptimisticGradient,
    "behind": descent.LookbehindGradient,
    "universal": lambda: descent.UniversalGradient(strength=2.0),
    "variance": descent.VarianceGradient,
    "selected": descent.SelectedExamples,
    "bayesian": descent.BayesianGradient,
    "parallel": descent.ParallelGradient,
    "interpolated": lambda: descent.InterpolatedGradient(search_every=2),
    "classes": descent.ClassWeightedGradient,
    "functional": descent.FunctionalGradient,
    "renormalized": descent.RenormalizedGradient,
}
CLOSED = {"dual", "adaptive", "sign", "width", "layerwise", "matching", "z_score"}
DRAWING = {"random", "stochastic", "dynamic", "history_in_two"}
NOT_CLEAN = {
    "noisy",
    "reweighted",
    "previous",
    "momentum",
    "precision",
    "one_pass",
    "history",
    "frozen",
    "classes",
}


def fits(up, down):
    """Whether an ascent and a descent make sense together."""
    if down in ("bayesian", "parallel") or up == "precision":
        return (up, down) == ("precision", "bayesian")
    if down in ("second", "behind") and up not in CLOSED:
        return False
    if down == "variance":
        return up in DRAWING
    if (up, down) == ("several", "optimistic"):
        return False
    if up.startswith("history") and down in ("ahead", "optimistic", "classes", "functional"):
        return False  # They do not ask for the gradient that it learns from.
    return down in ("perturbed", "interpolated", "classes") or up not in NOT_CLEAN


@pytest.mark.once
@pytest.mark.parametrize(("up", "down"), list(itertools.product(ASCENTS, DESCENTS)))
def test_parts_fit_or_are_refused(up, down):
    if fits(up, down):
        assert Method(ASCENTS[up](), DESCENTS[down]()).parts
        return
    with pytest.raises(ValueError, match=r"(use|take|needs).*Received: "):
        Method(ASCENTS[up](), DESCENTS[down]())


# Every descent that takes any ascent, each with another one and in another setting.
TRAINED = [
    ("adaptive", "gap", {"mask": "kernels"}, None),
    ("fisher", "gap", {}, None),
    ("several", "gap", {"every": 2}, 2),
    ("width", "gap", {}, None),
    ("friendly", "weighted", {"mask": "normalization"}, None),
    ("dynamic", "weighted", {"every": 2}, 2),
    ("width", "weighted", {"start": 1}, 3),
    ("adaptive", "reused", {"every": 2}, 2),
    ("fisher", "reused", {"every": 2, "mask": "kernels"}, None),
    ("friendly", "reused", {"every": 3}, 2),
    ("several", "reused", {"every": 2}, None),
    ("width", "second", {"mask": ["kernels", "biases"]}, 2),
    ("friendly", "curvature", {}, 2),
    ("adaptive", "ahead", {"mask": "kernels"}, 2),
    ("friendly", "optimistic", {"every": 2}, None),
    ("adaptive", "behind", {"mask": "kernels"}, 2),
    ("dual", "universal", {}, None),
    ("random", "variance", {"mask": "kernels", "every": 2}, 2),
    ("budget", "gap", {"mask": "kernels", "every": 2}, 2),
    ("z_score", "weighted", {"mask": "kernels"}, 2),
    ("one_pass", "perturbed", {"mask": "kernels", "every": 2}, 2),
    ("history", "perturbed", {"mask": "kernels", "every": 2}, 2),
    ("history_in_two", "gap", {"mask": "kernels", "every": 2}, 2),
    ("preconditioned", "functional", {"mask": "kernels", "every": 2}, 2),
    ("momentum", "interpolated", {"mask": "kernels", "every": 2}, 2),
    ("friendly", "classes", {"mask": "kernels", "every": 2}, 2),
    ("friendly", "renormalized", {"mask": "kernels"}, 2),
    ("matching", "gap", {"every": 2}, 2),
    ("friendly", "selected", {"every": 2}, 2),
    ("momentum", "perturbed", {"mask": "kernels", "every": 2}, 2),
    ("noisy", "perturbed", {"mask": "kernels", "every": 2}, 2),
    ("reweighted", "perturbed", {"every": 2}, 2),
    ("friendly", "perturbed", {"ascent_fraction": 0.5}, 2),
    ("several", "perturbed", {"ascent_fraction": 0.5, "mask": "kernels"}, None),
    ("random", "perturbed", {"ascent_fraction": 0.5}, None),
]


def in_a_branch():
    """A row for each descent that is in a branch: another program only where it is compiled."""
    rows = [row for row in TRAINED if {"every", "start"} & {*row[2]}]
    return {row[1]: row for row in reversed(rows)}.values()


@pytest.mark.parametrize(
    ("up", "down", "options", "splits"),
    [pytest.param(*row, marks=() if row in in_a_branch() else pytest.mark.once) for row in TRAINED],
)
def test_what_fits_trains_and_is_neither_sgd_nor_sam(up, down, options, splits):
    composed = end(Method(ASCENTS[up](), DESCENTS[down](), 0.3, **options), splits)
    assert np.isfinite(composed).all()
    for rho in (0.0, 0.3):
        assert np.abs(composed - end_of_sam(rho, splits)).max() > 1e-6


@functools.cache
def end_of_sam(rho, splits):
    return end(Method(rho=rho), splits)


def end(method, splits):
    """All weights after three steps, in one vector."""
    keras.utils.set_random_seed(4)
    model = mlp()
    sam = SAMModel(model, None, method, splits)
    sam.compile(keras.optimizers.SGD(0.05), "mse")
    sam.fit(*vectors(8), batch_size=8, epochs=3, shuffle=False, verbose=0)
    return np.concatenate([value.ravel() for value in values(model.trainable_variables)])
