"""Ascents: where a method looks for a higher loss."""

from keras_sam.ascent.adaptive import AdaptiveAscent
from keras_sam.ascent.around import AscentAround
from keras_sam.ascent.ascent import Ascent
from keras_sam.ascent.dual_norm import DualNormAscent
from keras_sam.ascent.dynamic import DynamicAscent
from keras_sam.ascent.friendly import FriendlyAscent
from keras_sam.ascent.layers import LayerwiseAscent, WidthScaledAscent
from keras_sam.ascent.multi_step import MultiStepAscent
from keras_sam.ascent.precision import PrecisionAscent
from keras_sam.ascent.random import NoisyAscent, RandomAscent, StochasticAscent
from keras_sam.ascent.reweighted import ReweightedAscent
from keras_sam.ascent.sparse import FisherAscent
from keras_sam.ascent.stale import MomentumAscent, PreviousGradientAscent

__all__ = [
    "AdaptiveAscent",
    "Ascent",
    "AscentAround",
    "DualNormAscent",
    "DynamicAscent",
    "FisherAscent",
    "FriendlyAscent",
    "LayerwiseAscent",
    "MomentumAscent",
    "MultiStepAscent",
    "NoisyAscent",
    "PrecisionAscent",
    "PreviousGradientAscent",
    "RandomAscent",
    "ReweightedAscent",
    "StochasticAscent",
    "WidthScaledAscent",
]
