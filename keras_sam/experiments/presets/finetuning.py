"""The rows that `finetune_efficientnet.py` reproduces: E3, a data set and a network each."""

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
# Common to all rows. The weight decay is ten times the paper's 1e-5, as Keras's is apart from the
# gradient and its momentum.
COMMON: dict[str, Any] = {
    "momentum": 0.9,
    "schedule": "cosine",
    "weight_decay": 1e-4,
    "clipnorm": 5.0,
    "rho": 0.05,
    "compare": ["sgd", "sam"],
    "mixed_precision": "bfloat16",
    "seeds": ["0", "1", "2"],
}
NETWORKS: dict[str, dict[str, Any]] = {
    "b7": {
        "model": "efficientnet_b7",
        "image_size": 600,
        "learning_rate": 0.016,
        "batch_size": 1024,
        "steps": 5000,
    },
    "l2": {
        "model": "efficientnet_l2",
        "image_size": 475,
        "learning_rate": 0.008,
        "batch_size": 512,
        "steps": 10000,
    },
}
ON_IMAGENET: dict[str, Any] = {
    "learning_rate": 0.1,
    "steps": None,
    "epochs": 10,
    "augment": ["crop"],
}


def _preset(network: str, dataset: str) -> Preset:
    augment = ["basic", "autoaugment"] if dataset.startswith("cifar") else ["basic"]
    flags = COMMON | NETWORKS[network] | {"dataset": dataset, "augment": augment}
    note = ""
    if dataset == "imagenet":
        flags |= ON_IMAGENET
        note = ", though with a new last layer"
    if network == "l2":
        note += "; --weights=FILE is needed"
    source = f"Foret et al. 2021, table 3: {dataset}, {NETWORKS[network]['model']}{note}"
    return Preset(source, flags)


PRESETS = {
    f"e3_{network}_{short}": _preset(network, dataset)
    for network in NETWORKS
    for short, dataset in DATASETS.items()
}
