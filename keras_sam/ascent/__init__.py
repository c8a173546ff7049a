"""Ascents: where a method looks for a higher loss."""

# ruff: noqa: F403  (A module exports what it marks as a part: no list here repeats it.)

import inspect

from keras_sam.ascent.adaptive import *
from keras_sam.ascent.around import *
from keras_sam.ascent.ascent import *
from keras_sam.ascent.budget import *
from keras_sam.ascent.classes import *
from keras_sam.ascent.dual_norm import *
from keras_sam.ascent.dynamic import *
from keras_sam.ascent.friendly import *
from keras_sam.ascent.frozen import *
from keras_sam.ascent.history import *
from keras_sam.ascent.layers import *
from keras_sam.ascent.matching import *
from keras_sam.ascent.multi_step import *
from keras_sam.ascent.precision import *
from keras_sam.ascent.preconditioned import *
from keras_sam.ascent.random import *
from keras_sam.ascent.reweighted import *
from keras_sam.ascent.sparse import *
from keras_sam.ascent.stale import *
from keras_sam.ascent.z_score import *

__all__ = [name for name, thing in sorted(vars().items()) if inspect.isclass(thing)]
