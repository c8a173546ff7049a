"""Keras's masks of tensors, where functions of these make new ones."""

import keras


class MaskReader(keras.layers.Layer):
    """Keras hands a layer the mask that it has noted for its input."""

    def __init__(self):
        super().__init__(autocast=False)
        self.supports_masking = True
        self.found = []

    def call(self, inputs, mask=None):
        self.found = [mask]
        return inputs


class MaskWriter(keras.layers.Layer):
    """Keras notes for the output the mask that a layer computes."""

    def __init__(self, mask):
        super().__init__(autocast=False)
        self.supports_masking = True
        self.noted = [mask]

    def call(self, inputs):
        return inputs

    def compute_mask(self, inputs, previous_mask):
        return self.noted[0]


def mask_of(tensor):
    """The mask of a tensor, or `None`."""
    reader = MaskReader()
    reader(tensor)
    return reader.found[0]


def with_mask(tensor, mask):
    """`tensor`, with a mask; `None` leaves it as it is."""
    return tensor if mask is None else MaskWriter(mask)(tensor)
