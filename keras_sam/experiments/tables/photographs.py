"""Some methods, tuned alike, on CIFAR-10 in small: images of 16x16, an hour or two of one core.

`METHODS_CIFAR10`: eight of those that are on the front on digits, or near it for less, with wrong
labels. `LONG_TAIL`: the methods for rare classes. Each has a few trials on held-out images, of its
radius or of plain training's rate, then five fresh seeds.
"""

from typing import Any

from keras_sam.experiments.tables.small import BY_HEART
from keras_sam.experiments.tables.table import Cell
from keras_sam.experiments.tables.tuned import FRESH, radii

NOISY = BY_HEART | {"learning_rate": 0.1, "label_noise": 0.4}
TIMES = (1, 2, 4, 8)
# A second setting is that which the digits have chosen.
NOISY_METHODS: dict[str, dict[str, Any]] = {
    **{name: {} for name in ("sam", "s2sam", "msam", "arwp", "looksam", "esam", "sam_on")},
    "zsharp": {"method_arguments": ["percentile=0.5"]},
}
# 1,485 images, 600 of the first class and 6 of the last; 1,200 balanced ones to choose by.
RARE = BY_HEART | {
    "learning_rate": 0.1,
    "num_train": 6000,
    "imbalance": 100.0,
    "augment": ["basic"],
    "l2": 5e-4,
    "epochs": 60,
    "evaluate_on": ["class_sizes"],
}


def _plain(common: dict[str, Any], rates: list[str]) -> Cell:
    flags = common | {"method": "sgd", "learning_rate": None}
    return Cell({"method": "sgd"}, flags, grid={"learning_rate": rates}, seeds=FRESH)


def _cell(common: dict[str, Any], method: str, times: tuple[float, ...], **own: Any) -> Cell:
    grid = {"rho": radii(method, times)}
    return Cell({"method": method}, common | {"method": method} | own, grid=grid, seeds=FRESH)


METHODS_CIFAR10 = [
    _plain(NOISY, ["0.003", "0.01", "0.03", "0.1"]),
    *(_cell(NOISY, name, TIMES, **own) for name, own in NOISY_METHODS.items()),
]
LONG_TAIL = [
    _plain(RARE, ["0.03", "0.1"]),
    *(_cell(RARE, name, TIMES[:3]) for name in ("sam", "imb_sam", "focal_sam")),
]
