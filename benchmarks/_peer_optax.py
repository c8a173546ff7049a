"""A Flax ResNet for small images, trained by Optax plainly and with `optax.contrib.sam`."""

from typing import Any

import jax
import jax.numpy as jnp
from _cases import NUM_CLASSES, Data, Train
from _optax_step import trainer
from flax import linen as nn


def _norm(train):
    return nn.BatchNorm(use_running_average=not train, momentum=0.9, epsilon=1e-5)


def _convolution(filters, stride=1):
    padding = ((1, 1), (1, 1))
    return nn.Conv(filters, (3, 3), (stride, stride), padding=padding, use_bias=False)


class Block(nn.Module):
    """Two convolutions and a shortcut without parameters."""

    filters: int
    stride: int

    @nn.compact
    def __call__(self, images, train):
        outputs = nn.relu(_norm(train)(_convolution(self.filters, self.stride)(images)))
        outputs = _norm(train)(_convolution(self.filters)(outputs))
        shortcut = images[:, :: self.stride, :: self.stride]
        missing = self.filters - images.shape[-1]
        shortcut = jnp.pad(
            shortcut, ((0, 0), (0, 0), (0, 0), (missing // 2, missing - missing // 2))
        )
        return nn.relu(outputs + shortcut)


class ResNet(nn.Module):
    """The network of `keras_sam.models.resnet_cifar`."""

    blocks: int

    @nn.compact
    def __call__(self, images, train):
        outputs = nn.relu(_norm(train)(_convolution(16)(images)))
        for stage, filters in enumerate((16, 32, 64)):
            for number in range(self.blocks):
                stride = 2 if stage and not number else 1
                outputs = Block(filters, stride)(outputs, train)
        return nn.Dense(NUM_CLASSES)(outputs.mean((1, 2)))


def build(blocks: int, batch_size: int, data: Data) -> dict[str, Train]:
    """The plain case and SAM: see `peers.build`."""
    network = ResNet(blocks)
    return {
        f"flax/optax {case}": _trainer(network, case, batch_size, data) for case in ("plain", "sam")
    }


def _trainer(network: Any, case: str, batch_size: int, data: Data) -> Train:
    images, labels = data
    variables = network.init(jax.random.key(0), images[:1], train=False)

    def apply(parameters, statistics, images):
        logits, updates = network.apply(
            {"params": parameters, "batch_stats": statistics},
            images,
            train=True,
            mutable=["batch_stats"],
        )
        return logits, updates["batch_stats"]

    def batch_at(number):
        chosen = slice(number * batch_size, (number + 1) * batch_size)
        return images[chosen], labels[chosen]

    return trainer(apply, variables["params"], variables["batch_stats"], case, batch_at)
