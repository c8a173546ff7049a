"""Image classifiers to train: plain Keras functional models, loadable without this package."""

from keras_sam.models.convnet import convnet
from keras_sam.models.resnet import resnet18, resnet50, resnet_cifar
from keras_sam.models.table import get
from keras_sam.models.table import names as list

__all__ = ["convnet", "get", "list", "resnet18", "resnet50", "resnet_cifar"]
