"""Ascents: where a method looks for a higher loss."""

from keras_sam.ascent.adaptive import AdaptiveAscent
from keras_sam.ascent.ascent import Ascent
from keras_sam.ascent.dual_norm import DualNormAscent
from keras_sam.ascent.multi_step import MultiStepAscent

__all__ = ["AdaptiveAscent", "Ascent", "DualNormAscent", "MultiStepAscent"]
