"""Steps by hand on PyTorch in bfloat16: `pytorch_optimizer`'s SAM, with and without a compiler."""

from collections.abc import Callable, Iterator
from typing import Any

import _gpu_networks
import keras
import torch
from _cases import Train
from _gpu_twins import ResNet, ViT
from _peer_pytorch_optimizer import plain, sam, trainer
from torch import nn

# The network and its stand-in; of others the Keras network itself is trained by hand.
TWINS: dict[str, tuple[Any, Any]] = {
    "resnet50": (ResNet, lambda: ResNet((1, 1, 1, 1), 8, 10)),
    "vit_small16": (ViT, lambda: ViT(8, 32, 1, 2, 32, 10)),
}


def build(network: str, words: list[str], setting: dict[str, Any], batch: tuple[Any, Any]) -> Train:
    """A loop by hand.

    Args:
        network: Key of `_gpu_networks.NETWORKS`.
        words: Those of the case's name: its last says which step, `"compiled"` that it is.
        setting: Dictionary with `tiny` and `compiler`.
        batch: `(images, labels)` on the device, images channels last.

    Returns:
        Function of a number of steps.
    """
    images, labels = batch
    module, statistics = _network(network, setting["tiny"], images.device)
    if "compiled" in words:
        module.compile(backend=setting["compiler"])
    step = plain(module) if words[-1] == "plain" else sam(module, *statistics)
    ready = (images, labels.long())
    return trainer(step, lambda _: ready, images.device)


def _network(name: str, is_tiny: bool, device: Any) -> tuple[nn.Module, tuple[Callable, ...]]:
    """A network for images channels last in memory; how it resumes and holds its statistics."""
    if name not in TWINS:
        return ByHand(_gpu_networks.build(name, is_tiny)).train(), (_resume, _hold)
    twin = TWINS[name][is_tiny]().to(device).to(memory_format=torch.channels_last)
    return Autocast(twin).train(), ()


class Autocast(nn.Module):
    """A network in bfloat16 by `torch.autocast`, from the images of Keras to float32 logits."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        with torch.autocast(images.device.type, torch.bfloat16):
            # A view: this is how PyTorch has images that are channels last in memory.
            return self.network(images.permute(0, 3, 1, 2)).float()


class ByHand(nn.Module):
    """A Keras model as a module of PyTorch; Keras's policy sees to bfloat16."""

    def __init__(self, model: keras.Model):
        super().__init__()
        self.model = model

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.model(images, training=True).float()


def _norms(network: nn.Module) -> Iterator[Any]:
    return (m for m in network.modules() if isinstance(m, keras.layers.BatchNormalization))


def _hold(network: nn.Module) -> None:
    """As `pytorch_optimizer` holds PyTorch's layers; Keras's momentum is what is kept."""
    for norm in _norms(network):
        norm.usual_momentum, norm.momentum = norm.momentum, 1.0


def _resume(network: nn.Module) -> None:
    for norm in _norms(network):
        norm.momentum = getattr(norm, "usual_momentum", norm.momentum)
