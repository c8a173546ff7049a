"""Whether a minimum is flat: spectra, sharpness measures and bounds of any Keras model.

Everything starts from an `Objective`, the mean loss over a data set as a function of the weights.
"""

from keras_sam.sharpness import plots
from keras_sam.sharpness.angle import GradientAngle, gradient_cosines
from keras_sam.sharpness.average_case import average_case, expected_loss
from keras_sam.sharpness.bounds import (
    hoeffding,
    maurer,
    mcallester,
    perturbed_bound,
    sam_bound,
)
from keras_sam.sharpness.callbacks import HessianSpectrumCallback, SharpnessCallback
from keras_sam.sharpness.density import Density, spectral_density
from keras_sam.sharpness.directions import filter_normalized, random_direction, sam_direction
from keras_sam.sharpness.eigenvalues import top_eigenvalues
from keras_sam.sharpness.generalization import generalization_bounds
from keras_sam.sharpness.interpolation import interpolation
from keras_sam.sharpness.landscape import Landscape, landscape, perturbation_landscape
from keras_sam.sharpness.losses import ZeroOneError
from keras_sam.sharpness.objective import Objective
from keras_sam.sharpness.operators import GaussNewton, Hessian, KeptHessian
from keras_sam.sharpness.results import (
    Bounds,
    Eigenvalues,
    Estimate,
    Sharpness,
    Trace,
)
from keras_sam.sharpness.trace import trace
from keras_sam.sharpness.worst_case import worst_case, worst_offset

__all__ = [
    "Bounds",
    "Density",
    "Eigenvalues",
    "Estimate",
    "GaussNewton",
    "GradientAngle",
    "Hessian",
    "HessianSpectrumCallback",
    "KeptHessian",
    "Landscape",
    "Objective",
    "Sharpness",
    "SharpnessCallback",
    "Trace",
    "ZeroOneError",
    "average_case",
    "expected_loss",
    "filter_normalized",
    "generalization_bounds",
    "gradient_cosines",
    "hoeffding",
    "interpolation",
    "landscape",
    "maurer",
    "mcallester",
    "perturbation_landscape",
    "perturbed_bound",
    "plots",
    "random_direction",
    "sam_bound",
    "sam_direction",
    "spectral_density",
    "top_eigenvalues",
    "trace",
    "worst_case",
    "worst_offset",
]
