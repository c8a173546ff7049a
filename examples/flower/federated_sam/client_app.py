"""A client: an app of Flower's that trains with SAM on its own part of the images."""

from keras_sam.experiments.federated import on_flower
from keras_sam.federated import client_app

app = client_app(on_flower.trainer, on_flower.data)
