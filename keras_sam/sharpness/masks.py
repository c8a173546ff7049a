"""Keras's masks of tensors, where functions of these make new ones."""

import keras

from keras_sam.tensors import Tensor


class MaskReader(keras.layers.Layer):
    """Keras hands a layer the mask that it has noted for its input."""

    def __init__(self) -> None:
        super().__init__(autocast=False)
        self.supports_masking = True
        self.found: list[Tensor | None] = []

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        self.found = [mask]
        return inputs


class MaskWriter(keras.layers.Layer):
    """Keras notes for the output the mask that a layer computes."""

    def __init__(self, mask: Tensor):
        super().__init__(autocast=False)
        self.supports_masking = True
        self.noted = [mask]

    def call(self, inputs: Tensor) -> Tensor:
        return inputs

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None) -> Tensor:
        return self.noted[0]


def mask_of(tensor: Tensor) -> Tensor | None:
    """The mask of a tensor, or `None`."""
    reader = MaskReader()
    reader(tensor)
    return reader.found[0]


def with_mask(tensor: Tensor, mask: Tensor | None) -> Tensor:
    """`tensor`, with a mask; `None` leaves it as it is."""
    return tensor if mask is None else MaskWriter(mask)(tensor)
