"""Descents: which gradient a method hands to the optimizer."""

# ruff: noqa: F403  (A module exports what it marks as a part: no list here repeats it.)

import inspect

from keras_sam.descent.bayesian import *
from keras_sam.descent.classes import *
from keras_sam.descent.curvature import *
from keras_sam.descent.descent import *
from keras_sam.descent.functional import *
from keras_sam.descent.interpolated import *
from keras_sam.descent.lookahead import *
from keras_sam.descent.lookbehind import *
from keras_sam.descent.parallel import *
from keras_sam.descent.perturbed_gradient import *
from keras_sam.descent.renormalized import *
from keras_sam.descent.reused import *
from keras_sam.descent.second_order import *
from keras_sam.descent.selected import *
from keras_sam.descent.surrogate_gap import *
from keras_sam.descent.universal import *
from keras_sam.descent.weighted import *
from keras_sam.training.carriers import Climb  # noqa: F401

__all__ = [name for name, thing in sorted(vars().items()) if inspect.isclass(thing)]
