"""Descents: which gradient a method hands to the optimizer."""

from keras_sam.descent.bayesian import BayesianGradient
from keras_sam.descent.curvature import CurvatureGradient
from keras_sam.descent.descent import Descent
from keras_sam.descent.lookahead import ExtraGradient, OptimisticGradient
from keras_sam.descent.lookbehind import LookbehindGradient
from keras_sam.descent.parallel import ParallelGradient
from keras_sam.descent.perturbed_gradient import PerturbedGradient
from keras_sam.descent.reused import ReusedGradient
from keras_sam.descent.second_order import SecondOrderGradient
from keras_sam.descent.selected import SelectedExamples
from keras_sam.descent.surrogate_gap import SurrogateGapGradient
from keras_sam.descent.universal import UniversalGradient, VarianceGradient
from keras_sam.descent.weighted import WeightedGradient
from keras_sam.training.carriers import Climb

__all__ = [
    "BayesianGradient",
    "Climb",
    "CurvatureGradient",
    "Descent",
    "ExtraGradient",
    "LookbehindGradient",
    "OptimisticGradient",
    "ParallelGradient",
    "PerturbedGradient",
    "ReusedGradient",
    "SecondOrderGradient",
    "SelectedExamples",
    "SurrogateGapGradient",
    "UniversalGradient",
    "VarianceGradient",
    "WeightedGradient",
]
