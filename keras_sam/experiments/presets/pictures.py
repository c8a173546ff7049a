"""What `train_resnet.py` does beyond the tables: Transformers, other test images, long tails."""

from typing import Any

from keras_sam.experiments.presets import Preset

THREE_SEEDS = ["0", "1", "2"]
# The optimizer of ImageNet's ViTs there, whose batches of 4096 take 0.003: a rate in proportion to
# the root of the batch, as is the custom for Adam.
VIT: dict[str, Any] = {
    "model": "vit_tiny4",
    "dataset": "cifar10",
    "augment": ["basic"],
    "batch_size": 128,
    "optimizer": "adamw",
    "learning_rate": 5e-4,
    "weight_decay": 0.3,
    "clipnorm": 1.0,
    "warmup_epochs": 10.0,
    "epochs": 300,
    "compare": ["sgd", "sam:0.2"],
    "seeds": THREE_SEEDS,
}
RESNET: dict[str, Any] = {
    "model": "resnet32",
    "dataset": "cifar10",
    "augment": ["basic"],
    "batch_size": 128,
    "learning_rate": 0.1,
    "momentum": 0.9,
    "l2": 2e-4,
    "warmup_epochs": 5.0,
    "epochs": 200,
    "compare": ["sgd", "sam:0.1"],
    "seeds": THREE_SEEDS,
}
NOISY_DIGITS: dict[str, Any] = {
    "model": "convnet",
    "dataset": "digits",
    "label_noise": 0.4,
    "epochs": 30,
    "seeds": THREE_SEEDS,
}

PRESETS = {
    "vit": Preset(
        "In the manner of Chen, Hsieh and Gong 2022, on CIFAR-10: a Vision Transformer from "
        "scratch; what is compared as sgd is AdamW; --model=vit_small4 as well",
        VIT,
    ),
    "corrupted": Preset(
        "In the manner of Hendrycks and Dietterich 2019: errors on corrupted test images of "
        "CIFAR-10; --dataset=cifar100 as well",
        RESNET | {"evaluate_on": ["corrupted"]},
    ),
    "compressed": Preset(
        "In no paper: the Vision Transformer of vit, then quantised, pruned, or fine-tuned on a "
        "second task; --dataset=digits --model=vit_nano4 in minutes",
        VIT | {"evaluate_on": ["compressed", "second_task"]},
    ),
    "components": Preset(
        "In the manner of Li et al. 2024, section 3: SAM's ascent along a batch's whole gradient, "
        "along the running mean of the gradients alone (a large negative sigma of friendly), and "
        "along what the batch's has beside the mean, its noise (a sigma of 1); digits",
        NOISY_DIGITS
        | {"compare": ["sgd", "sam:0.5", "friendly:0.5:sigma=-1e6", "friendly:0.5:sigma=1.0"]},
    ),
    "flat_minima": Preset(
        "In the manner of Huang et al. 2020: SGD to the same training loss, with a quarter of the "
        "labels wrong; --num_train=600 --label_noise=0 for minima that generalise, in a --workdir "
        "of its own, then apps/sharpness.py --right_labels on both; digits",
        NOISY_DIGITS
        | {
            "num_train": 800,
            "label_noise": 0.25,
            "learning_rate": 0.05,
            "schedule": "constant",
            "epochs": 300,
            "until_loss": 0.003,
            "compare": ["sgd"],
        },
    ),
    "long_tail": Preset(
        "In the manner of Cui et al. 2019 and Cao et al. 2019: CIFAR-10 with a hundred times as "
        "many images of the first class as of the last; --dataset=cifar100, --imbalance=10 as well",
        RESNET | {"imbalance": 100.0, "evaluate_on": ["class_sizes"]},
    ),
}
