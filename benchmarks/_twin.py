"""A Keras ResNet as a network of `torch.nn`, and its curvature by `curvlinops`."""

from typing import Any

import curvlinops
import keras
import numpy as np
import torch
from _peer_pytorch_optimizer import ResNet
from keras import layers
from scipy.sparse.linalg import LinearOperator
from torch import nn

# Axes of a kernel there, by the number of its axes: channels come first.
AXES = {1: (0,), 2: (1, 0), 4: (3, 2, 0, 1)}


class Operator(LinearOperator):
    """A matrix of `curvlinops`, for vectors in the order of the Keras model's weights.

    Args:
        matrix: A `curvlinops` operator.
        shapes: List of tuples, of the Keras model's trainable weights.
    """

    def __init__(self, matrix: Any, shapes: list[tuple[int, ...]]):
        super().__init__("float32", matrix.shape)
        self.matrix = matrix
        self.shapes = shapes

    def _matvec(self, vector: np.ndarray) -> np.ndarray:
        parts = _split(np.asarray(vector, "float32").reshape(-1), self.shapes)
        there = np.concatenate([part.transpose(AXES[part.ndim]).reshape(-1) for part in parts])
        product = (self.matrix @ torch.from_numpy(there)).detach().numpy()
        shapes = [tuple(np.take(shape, AXES[len(shape)])) for shape in self.shapes]
        back = [p.transpose(np.argsort(AXES[p.ndim])) for p in _split(product, shapes)]
        return np.concatenate([part.reshape(-1) for part in back])

    def trace(self, probes: int) -> float:
        """Hutchinson's estimate by `curvlinops`."""
        torch.manual_seed(0)
        return float(curvlinops.hutchinson_trace(self.matrix, probes))


def operators(
    model: keras.Model, x: np.ndarray, y: np.ndarray, batch_size: int
) -> dict[str, Operator]:
    """The twin's Hessian and Gauss-Newton matrix.

    Args:
        model: Keras ResNet of `keras_sam.models.resnet_cifar`, on PyTorch.
        x: Float array (examples, height, width, 3).
        y: Integer array (examples,).
        batch_size: Integer.

    Returns:
        Dictionary of `Operator`.
    """
    twin = _twin(model).eval()
    images = torch.from_numpy(x).permute(0, 3, 1, 2).contiguous()
    parts = (images.split(batch_size), torch.from_numpy(y).long().split(batch_size))
    arguments = (twin, nn.CrossEntropyLoss(), list(twin.parameters()), list(zip(*parts)))
    shapes = [tuple(weight.shape) for weight in model.trainable_weights]
    return {
        "hessian": Operator(curvlinops.HessianLinearOperator(*arguments), shapes),
        "gauss_newton": Operator(curvlinops.GGNLinearOperator(*arguments), shapes),
    }


def _twin(model: keras.Model) -> nn.Module:
    blocks = (sum(isinstance(layer, layers.Conv2D) for layer in model.layers) - 1) // 6
    twin = ResNet(blocks)
    with torch.no_grad():
        for there, here in zip(twin.parameters(), model.trainable_weights, strict=True):
            there.copy_(here.value.detach().permute(AXES[there.ndim]))
    ours = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    theirs: list[Any] = [part for part in twin.modules() if isinstance(part, nn.BatchNorm2d)]
    for norm, layer in zip(theirs, ours, strict=True):
        norm.running_mean.copy_(layer.moving_mean.value)
        norm.running_var.copy_(layer.moving_variance.value)
        norm.eps = layer.epsilon
    return twin


def _split(vector, shapes):
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
    return [part.reshape(shape) for part, shape in zip(np.split(vector, ends[:-1]), shapes)]
