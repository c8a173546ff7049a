"""Images and texts to train on, from files that are there: only `download` fetches any."""

from keras_sam.datasets.augmentation import shift_and_flip
from keras_sam.datasets.batches import Batches
from keras_sam.datasets.cifar import cifar10, cifar100
from keras_sam.datasets.dataset import Dataset
from keras_sam.datasets.digits import digits
from keras_sam.datasets.docstrings import docstrings
from keras_sam.datasets.download import DOWNLOADED, download
from keras_sam.datasets.holdout import holdout
from keras_sam.datasets.inputs import INPUTS, with_inputs
from keras_sam.datasets.long_tail import with_imbalance
from keras_sam.datasets.noise import KINDS as NOISE_KINDS
from keras_sam.datasets.noise import with_label_noise
from keras_sam.datasets.recipe import AUGMENTATIONS
from keras_sam.datasets.shifted import with_corruption, with_test_images
from keras_sam.datasets.table import get
from keras_sam.datasets.table import names as list
from keras_sam.datasets.texts import text_folder
from keras_sam.datasets.words import encode

__all__ = [
    "AUGMENTATIONS",
    "DOWNLOADED",
    "INPUTS",
    "NOISE_KINDS",
    "Batches",
    "Dataset",
    "cifar10",
    "cifar100",
    "digits",
    "docstrings",
    "download",
    "encode",
    "get",
    "holdout",
    "list",
    "shift_and_flip",
    "text_folder",
    "with_corruption",
    "with_imbalance",
    "with_inputs",
    "with_label_noise",
    "with_test_images",
]
