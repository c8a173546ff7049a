"""The rows that `finetune_efficientnet.py` reproduces: E3, a data set and a network each.

Settings are those of Foret et al. (2021), section 3.2, and where it says nothing those of their
code, google-research/sam, and of the one command that its README has, for L2.
"""

from typing import Any

from keras_sam.experiments.presets import Preset

DATASETS = {
    "aircraft": "fgvc_aircraft",
    "flowers": "oxford_flowers102",
    "pets": "oxford_iiit_pets",
    "cars": "stanford_cars",
    "cifar10": "cifar10",
    "cifar100": "cifar100",
    "birdsnap": "birdsnap",
    "food": "food101",
    "imagenet": "imagenet",
}
# Common to all rows. The decay goes through the loss, in both passes, as in their code.
COMMON: dict[str, Any] = {
    "momentum": 0.9,
    "nesterov": True,
    "schedule": "cosine",
    "warmup_epochs": 0.0,
    "l2": 1e-5,
    "weight_decay": 0.0,
    "dropout": 0.5,
    "compare": ["sgd", "sam"],
    "mixed_precision": "bfloat16",
    "seeds": ["0", "1", "2", "3", "4"],
}
NETWORKS: dict[str, dict[str, Any]] = {
    "b7": {
        "model": "efficientnet_b7",
        "image_size": 600,
        "learning_rate": 0.016,
        "batch_size": 1024,
        "steps": 5000,
        "clipnorm": 5.0,
        "rho": 0.05,
    },
    "l2": {
        "model": "efficientnet_l2",
        "image_size": 475,
        "learning_rate": 0.008,
        "batch_size": 512,
        "steps": 10000,
        "clipnorm": 1.0,
        "label_smoothing": 0.1,
        "rho": 0.1,
    },
}
STARTS = {
    "b7": "from Keras's weights (AutoAugment, 84.3 %), while the table's had RandAugment (84.7 %): "
    "--weights=FILE for the authors' checkpoint of those",
    "l2": "from NoisyStudent's weights at 475 pixels, --weights=FILE of the authors' checkpoint",
}
ON_IMAGENET: dict[str, Any] = {
    "learning_rate": 0.1,
    "steps": None,
    "epochs": 10,
    "augment": ["crop"],
    "keep_top": True,
}


def _preset(network: str, dataset: str) -> Preset:
    # Photographs other than those of CIFAR are not augmented.
    augment = ["basic", "autoaugment"] if dataset.startswith("cifar") else ["none"]
    flags = COMMON | NETWORKS[network] | {"dataset": dataset, "augment": augment}
    note = ""
    if dataset == "imagenet":
        flags |= ON_IMAGENET
        note = ", its last layer kept"
        note += "; rho is that of the authors' command, in the paper 0.05" * (network == "l2")
    name = NETWORKS[network]["model"]
    source = f"Foret et al. 2021, table 3: {dataset}, {name} {STARTS[network]}{note}"
    return Preset(source, flags, scales_rate=True)


PRESETS = {
    f"e3_{network}_{short}": _preset(network, dataset)
    for network in NETWORKS
    for short, dataset in DATASETS.items()
}
