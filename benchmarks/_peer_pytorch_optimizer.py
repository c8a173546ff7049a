"""A PyTorch ResNet for small images, trained plainly and with `pytorch_optimizer`'s SAM."""

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from _cases import LEARNING_RATE, MOMENTUM, NUM_CLASSES, RHO, Data, Train
from pytorch_optimizer import SAM
from pytorch_optimizer.optimizer.utils import disable_running_stats, enable_running_stats
from torch import nn
from torch.nn import functional

Step: TypeAlias = Callable[[Any, Any], tuple[Any, Any]]


def _convolution(channels, filters, stride=1):
    return nn.Sequential(
        nn.Conv2d(channels, filters, 3, stride, padding=1, bias=False), nn.BatchNorm2d(filters)
    )


class Block(nn.Module):
    """Two convolutions and a shortcut without parameters."""

    def __init__(self, channels, filters, stride):
        super().__init__()
        self.stride = stride
        self.missing = filters - channels
        self.first = _convolution(channels, filters, stride)
        self.second = _convolution(filters, filters)

    def forward(self, images):
        outputs = self.second(functional.relu(self.first(images)))
        shortcut = images[:, :, :: self.stride, :: self.stride]
        before = self.missing // 2
        shortcut = functional.pad(shortcut, (0, 0, 0, 0, before, self.missing - before))
        return functional.relu(outputs + shortcut)


class ResNet(nn.Module):
    """The network of `keras_sam.models.resnet_cifar`."""

    def __init__(self, blocks: int):
        super().__init__()
        layers = [_convolution(3, 16), nn.ReLU()]
        channels = 16
        for stage, filters in enumerate((16, 32, 64)):
            for number in range(blocks):
                layers.append(Block(channels, filters, 2 if stage and not number else 1))
                channels = filters
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(64, NUM_CLASSES)

    def forward(self, images):
        return self.head(self.layers(images).mean((2, 3)))


def build(blocks: int, batch_size: int, data: Data) -> dict[str, Train]:
    """The plain case and SAM: see `peers.build`."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    images = torch.from_numpy(data[0]).permute(0, 3, 1, 2)
    labels = torch.from_numpy(data[1]).long()
    cases = {}
    for layout, words in ((torch.contiguous_format, ""), (torch.channels_last, "channels last ")):
        for name, make in (("plain", plain), ("sam", sam)):
            network = ResNet(blocks).to(device).to(memory_format=layout).train()  # type: ignore[call-overload]
            laid_out = images.contiguous(memory_format=layout)
            batch_at = _batches(laid_out, labels, batch_size, device)
            cases[f"pytorch_optimizer {words}{name}"] = trainer(make(network), batch_at, device)
    return cases


def _batches(images: Any, labels: Any, batch_size: int, device: Any) -> Callable[[int], Any]:
    def batch_at(number):
        chosen = slice(number * batch_size, (number + 1) * batch_size)
        return images[chosen].to(device), labels[chosen].to(device)

    return batch_at


def trainer(step: Step, batch_at: Callable[[int], tuple[Any, Any]], device: Any) -> Train:
    """A loop by hand around a step.

    Args:
        step: What `plain` or `sam` returns.
        batch_at: Function of a step's number: `(images, labels)`.
        device: Where the network is.

    Returns:
        Function of a number of steps.
    """

    def train(steps: int) -> tuple[float, float]:
        loss, correct = torch.zeros((), device=device), torch.zeros((), device=device)
        for number in range(steps):
            images, labels = batch_at(number)
            value, logits = step(images, labels)
            loss += value
            correct += (logits.argmax(-1) == labels).sum()
        return loss.item(), correct.item()  # Waits for the device, once a turn.

    return train


def plain(network: nn.Module) -> Step:
    """A step of SGD with momentum: a function of images and labels to loss and logits."""
    optimizer = torch.optim.SGD(network.parameters(), LEARNING_RATE, momentum=MOMENTUM)

    def step(images, labels):
        optimizer.zero_grad()
        loss, logits = _backward(network, images, labels)
        optimizer.step()
        return loss, logits

    return step


def sam(
    network: nn.Module,
    resume: Callable[[nn.Module], None] = enable_running_stats,
    hold: Callable[[nn.Module], None] = disable_running_stats,
) -> Step:
    """A step of SAM; `hold` keeps the BatchNorm statistics from the second pass."""
    optimizer = SAM(
        network.parameters(), torch.optim.SGD, rho=RHO, lr=LEARNING_RATE, momentum=MOMENTUM
    )

    def step(images, labels):
        resume(network)
        loss, logits = _backward(network, images, labels)
        optimizer.first_step(zero_grad=True)
        hold(network)
        _backward(network, images, labels)
        optimizer.second_step(zero_grad=True)
        return loss, logits

    return step


def _backward(network, images, labels):
    logits = network(images)
    loss = functional.cross_entropy(logits, labels)
    loss.backward()
    return loss.detach(), logits.detach()
