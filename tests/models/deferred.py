"""Models whose weights are never allocated, to count those of large ones in a moment."""

import keras
import numpy as np


def built(build, *arguments, **options):
    """The model that `build` makes, without values."""
    with keras.StatelessScope(initialize_variables=False):
        model = build(*arguments, **options)
    # Otherwise Keras would make up for it at the next occasion.
    keras.utils.clear_session()
    return model


def trainable(model):
    """Number of trainable weights."""
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
