"""Classifiers to train, of images and texts: plain Keras models, loadable without this package.

Those with random gates (Shake-Shake and ShakeDrop) are the exception: their gates are layers of
this package.
"""

from keras_sam.models.convnet import convnet
from keras_sam.models.efficientnet import efficientnet
from keras_sam.models.finetuning import freeze_batch_norm, pretrained
from keras_sam.models.gates import ShakeDrop, ShakeShake
from keras_sam.models.pyramidnet import pyramidnet
from keras_sam.models.resnet import resnet, resnet_cifar
from keras_sam.models.shake_shake import shake_shake
from keras_sam.models.table import get
from keras_sam.models.table import names as list
from keras_sam.models.text_transformer import text_transformer
from keras_sam.models.vit import vit
from keras_sam.models.wide_resnet import wide_resnet

__all__ = [
    "ShakeDrop",
    "ShakeShake",
    "convnet",
    "efficientnet",
    "freeze_batch_norm",
    "get",
    "list",
    "pretrained",
    "pyramidnet",
    "resnet",
    "resnet_cifar",
    "shake_shake",
    "text_transformer",
    "vit",
    "wide_resnet",
]
