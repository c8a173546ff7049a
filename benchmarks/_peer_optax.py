"""A Flax ResNet for small images, trained by Optax plainly and with `optax.contrib.sam`."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import optax
from _cases import LEARNING_RATE, MOMENTUM, NUM_CLASSES, RHO, Data, Train
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
    plain = optax.sgd(LEARNING_RATE, momentum=MOMENTUM)
    climb = optax.chain(optax.contrib.normalize(), optax.sgd(RHO))
    sam = optax.contrib.sam(plain, climb, opaque_mode=True)
    network = ResNet(blocks)
    return {
        "flax/optax plain": _trainer(network, plain, False, batch_size, data),
        "flax/optax sam": _trainer(network, sam, True, batch_size, data),
    }


def _trainer(network: Any, optimizer: Any, is_sam: bool, batch_size: int, data: Data) -> Train:
    images, labels = data
    variables = network.init(jax.random.key(0), images[:1], train=False)
    parameters, statistics = variables["params"], variables["batch_stats"]
    state = [parameters, statistics, optimizer.init(parameters), _no_metrics()]
    step = jax.jit(functools.partial(_step, network, optimizer, is_sam), donate_argnums=0)

    def train(steps: int) -> None:
        for start in range(0, steps * batch_size, batch_size):
            batch = images[start : start + batch_size], labels[start : start + batch_size]
            state[:] = step(tuple(state), batch)
        jax.block_until_ready(state)

    return train


def _no_metrics():
    return {"loss": jnp.zeros(()), "correct": jnp.zeros((), "int32")}


def _step(network, optimizer, is_sam, state, batch):
    parameters, statistics, optimizer_state, metrics = state
    images, labels = batch

    def loss(parameters):
        logits, updates = network.apply(
            {"params": parameters, "batch_stats": statistics},
            images,
            train=True,
            mutable=["batch_stats"],
        )
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        return losses.mean(), (logits, updates["batch_stats"])

    (value, (logits, statistics_after)), gradients = jax.value_and_grad(loss, has_aux=True)(
        parameters
    )
    again = {"grad_fn": lambda point, _: jax.grad(loss, has_aux=True)(point)[0]} if is_sam else {}
    updates, optimizer_state = optimizer.update(gradients, optimizer_state, parameters, **again)
    metrics = {
        "loss": metrics["loss"] + value,
        "correct": metrics["correct"] + (logits.argmax(-1) == labels).sum(),
    }
    return optax.apply_updates(parameters, updates), statistics_after, optimizer_state, metrics
