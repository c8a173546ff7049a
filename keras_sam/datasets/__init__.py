"""Images to train on, from files that are already there: nothing is ever downloaded."""

from keras_sam.datasets.augmentation import shift_and_flip
from keras_sam.datasets.batches import Batches
from keras_sam.datasets.cifar import cifar10, cifar100
from keras_sam.datasets.dataset import Dataset
from keras_sam.datasets.digits import digits
from keras_sam.datasets.noise import with_label_noise
from keras_sam.datasets.table import get
from keras_sam.datasets.table import names as list

__all__ = [
    "Batches",
    "Dataset",
    "cifar10",
    "cifar100",
    "digits",
    "get",
    "list",
    "shift_and_flip",
    "with_label_noise",
]
