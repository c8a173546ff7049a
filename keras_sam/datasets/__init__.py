"""Images and texts to train on, from files that are already there: nothing is ever downloaded."""

from keras_sam.datasets.augmentation import shift_and_flip
from keras_sam.datasets.batches import Batches
from keras_sam.datasets.cifar import cifar10, cifar100
from keras_sam.datasets.dataset import Dataset
from keras_sam.datasets.digits import digits
from keras_sam.datasets.docstrings import docstrings
from keras_sam.datasets.holdout import holdout
from keras_sam.datasets.inputs import INPUTS, with_inputs
from keras_sam.datasets.noise import KINDS as NOISE_KINDS
from keras_sam.datasets.noise import with_label_noise
from keras_sam.datasets.recipe import AUGMENTATIONS
from keras_sam.datasets.table import get
from keras_sam.datasets.table import names as list
from keras_sam.datasets.texts import text_folder
from keras_sam.datasets.words import encode

__all__ = [
    "AUGMENTATIONS",
    "INPUTS",
    "NOISE_KINDS",
    "Batches",
    "Dataset",
    "cifar10",
    "cifar100",
    "digits",
    "docstrings",
    "encode",
    "get",
    "holdout",
    "list",
    "shift_and_flip",
    "text_folder",
    "with_inputs",
    "with_label_noise",
]
