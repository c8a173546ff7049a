"""ResNet-50 and ViT-S in `torch.nn`, weight for weight the networks of Keras, channels first."""

import torch
from torch import nn
from torch.nn import functional

EPSILON, MOMENTUM = 1.001e-5, 0.01  # Those of keras.applications.
EXPANSION = 4  # Channels that leave a bottleneck over its width; also those of a block of a ViT.


def _unit(channels, filters, size, stride=1):
    convolution = nn.Conv2d(channels, filters, size, stride, padding=size // 2)
    return convolution, nn.BatchNorm2d(filters, EPSILON, MOMENTUM)


class Bottleneck(nn.Module):
    """Three convolutions, the first of which has the stride, and a shortcut."""

    def __init__(self, channels: int, width: int, stride: int):
        super().__init__()
        self.body = nn.Sequential(
            *(*_unit(channels, width, 1, stride), nn.ReLU()),
            *(*_unit(width, width, 3), nn.ReLU()),
            *_unit(width, EXPANSION * width, 1),
        )
        is_same = channels == EXPANSION * width
        unit = () if is_same else _unit(channels, EXPANSION * width, 1, stride)
        self.shortcut = nn.Sequential(*unit)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.body(images) + self.shortcut(images))


class ResNet(nn.Module):
    """`keras.applications.ResNet50`, whose convolutions have a bias.

    Args:
        counts: Tuple of integers, the bottlenecks of each stage.
        width: Integer, channels of the stem.
        classes: Integer, number of logits.
    """

    def __init__(self, counts=(3, 4, 6, 3), width=64, classes=1000):
        super().__init__()
        blocks: list[nn.Module] = []
        channels = width
        for stage, count in enumerate(counts):
            for number in range(count):
                stride = 2 if stage and not number else 1
                blocks.append(Bottleneck(channels, width << stage, stride))
                channels = EXPANSION * (width << stage)
        stem = (*_unit(3, width, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, padding=1))
        self.layers = nn.Sequential(*stem, *blocks)
        self.head = nn.Linear(channels, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.layers(images).mean((2, 3)))


class Attention(nn.Module):
    """Self-attention by PyTorch's fused kernel."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.inputs = nn.Linear(width, 3 * width)
        self.outputs = nn.Linear(width, width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        split = self.inputs(tokens).unflatten(-1, (3, self.heads, -1))
        query, key, value = split.permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(query, key, value)
        return self.outputs(attended.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Attention and two dense layers, each behind a normalization and beside a shortcut."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.attention = nn.Sequential(nn.LayerNorm(width, eps=1e-6), Attention(width, heads))
        self.dense = nn.Sequential(
            nn.LayerNorm(width, eps=1e-6),
            *(nn.Linear(width, EXPANSION * width), nn.GELU(), nn.Linear(EXPANSION * width, width)),
        )

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        tokens = tokens + self.attention(tokens)
        return tokens + self.dense(tokens)


class ViT(nn.Module):
    """`keras_sam.models.vit`: the class token is the first position's bias."""

    def __init__(self, patch=16, width=384, depth=12, heads=6, side=224, classes=1000):
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, patch, bias=False)
        self.positions = nn.Parameter(0.02 * torch.randn((side // patch) ** 2 + 1, width))
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        patches = self.patches(images).flatten(2).transpose(1, 2)
        tokens = functional.pad(patches, (0, 0, 1, 0)) + self.positions
        return self.head(self.norm(self.blocks(tokens)[:, 0]))
