"""The named methods: an ascent and a descent each, with the settings of their papers."""

from keras_sam.named.adaptive import ASAM
from keras_sam.named.occasional import Late, Periodic
from keras_sam.named.sam import SAM, SAMON, SecondOrder
from keras_sam.named.steps import FGSM, MultiStep

__all__ = ["ASAM", "FGSM", "SAM", "SAMON", "Late", "MultiStep", "Periodic", "SecondOrder"]
