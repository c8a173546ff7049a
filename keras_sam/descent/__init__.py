"""Descents: which gradient a method hands to the optimizer."""

from keras_sam.descent.descent import Climb, Descent
from keras_sam.descent.perturbed_gradient import PerturbedGradient
from keras_sam.descent.second_order import SecondOrderGradient

__all__ = ["Climb", "Descent", "PerturbedGradient", "SecondOrderGradient"]
