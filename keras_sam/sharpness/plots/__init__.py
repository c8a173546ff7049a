"""Figures of sharpness: each function returns a Matplotlib figure and saves it where asked to.

Lines differ in their style and surfaces in their brightness, so that all of them can be printed
in grey.
"""

from keras_sam.sharpness.plots.landscapes import contours, profiles, surfaces
from keras_sam.sharpness.plots.radii import scores_over_rho
from keras_sam.sharpness.plots.ranking import sharpness_against_gap
from keras_sam.sharpness.plots.spectra import spectra
from keras_sam.sharpness.plots.training import sharpness_over_epochs
from keras_sam.sharpness.plots.weights import weight_histograms

__all__ = [
    "contours",
    "profiles",
    "scores_over_rho",
    "sharpness_against_gap",
    "sharpness_over_epochs",
    "spectra",
    "surfaces",
    "weight_histograms",
]
