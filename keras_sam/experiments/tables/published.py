"""The cells of the tables as they were published."""

from itertools import product

from keras_sam.experiments.presets import finetuning, from_scratch
from keras_sam.experiments.tables.table import Cell

AUGMENTATIONS = {
    "basic": ["basic"],
    "cutout": ["basic", "cutout"],
    "autoaugment": ["basic", "autoaugment"],
}
EPOCHS = (100, 200, 400)
SIZES = (32, 64, 128, 256, 512)


def _e1() -> list[Cell]:
    networks = [name for name in from_scratch.PRESETS if name.startswith("e1_")]
    cifar = product(networks, ("cifar10", "cifar100"), AUGMENTATIONS)
    # The paper's appendix.
    other = product(
        ("e1_wrn28_10", "e1_shake_shake"), ("svhn", "fashion_mnist"), ("basic", "autoaugment")
    )
    return [
        Cell(
            {"network": preset.removeprefix("e1_"), "data": dataset, "augmentation": augment},
            {"preset": preset, "dataset": dataset, "augment": _augment(dataset, augment)},
        )
        for preset, dataset, augment in (*cifar, *other)
    ]


def _augment(dataset: str, augment: str) -> list[str]:
    # Digits of houses are not shifted before AutoAugment, as the authors' code advises.
    return [augment] if dataset == "svhn" else AUGMENTATIONS[augment]


def _e2() -> list[Cell]:
    networks = [name for name in from_scratch.PRESETS if name.startswith("e2_")]
    return [
        Cell(
            {"network": preset.removeprefix("e2_"), "epochs": f"epochs_{epochs}"},
            {"preset": preset, "epochs": epochs},
        )
        for preset, epochs in product(networks, EPOCHS)
    ]


def _e3() -> list[Cell]:
    return [
        Cell(
            {"network": network, "data": data},
            {"preset": f"e3_{network}_{data}"},
            app="finetune_efficientnet",
        )
        for network, data in product(finetuning.NETWORKS, finetuning.DATASETS)
    ]


def _e4() -> list[Cell]:
    return [
        Cell(
            {"network": model, "noise": f"noise_{noise}"},
            {"preset": f"e4_noise{noise}", "model": model},
        )
        for model, noise in product(("resnet32", "resnet26"), (20, 40, 60, 80))
    ]


def _e5() -> list[Cell]:
    return [
        Cell(
            {"network": model, "data": dataset, "epochs": f"epochs_{epochs}"},
            {"preset": "e5", "model": model, "dataset": dataset, "epochs": epochs},
        )
        for model, dataset, epochs in product(
            ("resnet50", "resnet101", "resnet152"), ("cifar10", "cifar100"), EPOCHS
        )
    ]


def _e10() -> list[Cell]:
    presets = [name for name in from_scratch.PRESETS if name.partition("_")[0] == "e10"]
    groups = [
        Cell(
            {"part": f"e10_rho_splits_{splits}"}, {"preset": "e10_rho", "num_batch_splits": splits}
        )
        for splits in (4, 16, 64)
    ]
    return [Cell({"part": name}, {"preset": name}) for name in presets] + groups


CELLS = {
    "e1": _e1(),
    "e2": _e2(),
    "e3": _e3(),
    "e4": _e4(),
    "e5": _e5(),
    "e6": [Cell({"part": "half_the_epochs"}, {"preset": "e6"})],
    "e7": [
        Cell({"batch": f"batch_{size}"}, {"preset": "e7", "batch_size": size}) for size in SIZES
    ],
    "e8": [
        Cell({"normalization": f"norm_{kind}"}, {"preset": "e8", "normalization": kind})
        for kind in ("none", "batch")
    ],
    "e9": [Cell({"part": "ascent_steps"}, {"preset": "e9"})],
    "e10": _e10(),
}
