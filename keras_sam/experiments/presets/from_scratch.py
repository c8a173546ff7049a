"""The rows that `train_resnet.py` reproduces: E1 of CIFAR, E2 of ImageNet, and so on.

The SAM paper's rows have what google-research/sam does: decay of all weights through the loss in
both passes, Nesterov's momentum, a clip at 5, and reflected edges. Other sources train with
PyTorch, which adds the decay to the last gradient only: here the ascent sees it as well.
"""

from typing import Any

from keras_sam.experiments.presets import OFFICIAL, Preset, looking

FIVE_SEEDS = ["0", "1", "2", "3", "4"]
E1: dict[str, Any] = OFFICIAL | {
    "dataset": "cifar10",
    "augment": ["basic"],
    "padding": "reflect",
    "batch_size": 256,
    "num_batch_splits": 8,  # 32 images on each of eight accelerators.
    "compare": ["sgd", "sam"],
    "seeds": FIVE_SEEDS,
}
E2: dict[str, Any] = OFFICIAL | {
    "dataset": "imagenet",
    "augment": ["crop"],
    "batch_size": 4096,
    "num_batch_splits": 32,  # 128 images on each of 32 cores.
    "learning_rate": 1.0,
    "l2": 1e-4,
    "label_smoothing": 0.1,
    "rho": 0.05,
    "epochs": 100,
    "mixed_precision": "bfloat16",
    "compare": ["sgd", "sam"],
    "seeds": FIVE_SEEDS,
}
# The batch size, the rate and the decay are ours: the paper does not say.
E4: dict[str, Any] = OFFICIAL | {
    "model": "resnet32",
    "dataset": "cifar10",
    "augment": ["basic"],
    "padding": "reflect",
    "batch_size": 128,
    "learning_rate": 0.1,
    "l2": 5e-4,
    "epochs": 200,
    "seeds": ["0", "1", "2"],
}
E6: dict[str, Any] = {
    "model": "resnet18",
    "dataset": "cifar10",
    "augment": ["none"],
    "batch_size": 128,
    "learning_rate": 0.01,
    "momentum": 0.0,
    "schedule": "constant",
    "epochs": 50,
    "plain_epochs": 100,
    "compare": ["sgd", "sam"],
    "seeds": ["20", "30", "40"],
}


def _e1(
    model: str,
    rate: float,
    decay: float,
    epochs: int,
    rho: tuple[float, float],
    hundred: dict[str, float] | None = None,
    **other: dict[str, Any],
) -> Preset:
    """A row of table 1: `rho` on CIFAR-10 and on CIFAR-100."""
    flags: dict[str, Any] = {
        "model": model,
        "learning_rate": rate,
        "l2": decay,
        "epochs": epochs,
        "plain_epochs": 2 * epochs,
    }
    return Preset(
        f"Foret et al. 2021, table 1: {model}, {epochs} epochs; --dataset=cifar100, "
        "--augment=basic,cutout and --augment=basic,autoaugment for the other columns",
        E1 | flags | {"rho": rho[0]},
        {"cifar100": {"rho": rho[1]} | (hundred or {})} | other,
    )


def _e4(noise: float, rho: float) -> Preset:
    source = f"Foret et al. 2021, table 4 (label noise {noise:.0%}); --model=resnet26 as well"
    return Preset(source, E4 | {"label_noise": noise, "compare": ["sgd", f"sam:{rho}", "asam:0.5"]})


# With AutoAugment alone, as the authors' code advises; --augment=basic is the other column.
SVHN: dict[str, Any] = {"learning_rate": 0.01, "l2": 5e-4, "rho": 0.01, "augment": ["autoaugment"]}
FASHION: dict[str, Any] = {"learning_rate": 0.1, "l2": 5e-4}
PRESETS = {
    "e1_wrn28_10": _e1(
        "wide_resnet28_10",
        0.1,
        5e-4,
        200,
        (0.05, 0.1),
        svhn=SVHN,
        fashion_mnist=FASHION | {"rho": 0.05},
    ),
    "e1_wrn28_10_long": _e1("wide_resnet28_10", 0.05, 1e-3, 1800, (0.05, 0.1)),
    "e1_shake_shake": _e1(
        "shake_shake26_2x96d",
        0.02,
        1e-3,
        1800,
        (0.02, 0.05),
        svhn=SVHN,
        fashion_mnist=FASHION | {"rho": 0.02},
    ),
    "e1_pyramidnet": _e1("pyramidnet272_a200", 0.05, 5e-4, 1800, (0.05, 0.2)),
    "e1_shakedrop": _e1(
        "pyramidnet272_a200_shakedrop", 0.02, 5e-4, 1800, (0.05, 0.05), {"learning_rate": 0.05}
    ),
    **{
        f"e2_{model}": Preset(
            f"Foret et al. 2021, table 2: {model}; --epochs=200 and --epochs=400 as well",
            E2 | {"model": model},
        )
        for model in ("resnet50", "resnet101", "resnet152")
    },
    **{
        f"e4_noise{round(100 * noise)}": _e4(noise, 0.05 if noise == 0.8 else 0.1)
        for noise in (0.2, 0.4, 0.6, 0.8)
    },
    "e5": Preset(
        "Gorbunova and Davletshin: ResNet-50, plain SGD settings and sign steps in SAM's place; "
        "--epochs=200, --dataset=cifar100 and --model=resnet101 as well",
        {
            "model": "resnet50",
            "dataset": "cifar10",
            "inputs": "centred",
            "augment": ["basic"],
            "batch_size": 128,
            "learning_rate": 0.01,
            "momentum": 0.0,
            "schedule": "constant",
            "epochs": 100,
            "compare": ["sgd", "sam:0.05", "fgsm:0.001"],
            "method_arguments": ["fgsm.steps=2"],
        },
        {"cifar100": {"augment": ["none"]}},
    ),
    "e6": Preset("Coldenhoff, Li and Zhu, experiment A: SAM at half of SGD's epochs", E6),
    "e7": Preset(
        "Coldenhoff, Li and Zhu, experiment B: batch sizes; --batch_size=32 and so on, each in a "
        "--workdir of its own",
        {name: value for name, value in E6.items() if name != "plain_epochs"} | {"epochs": 100},
    ),
    "e8": Preset(
        "Coldenhoff, Li and Zhu, experiment C: no normalisation; --normalization=batch for the "
        "histograms beside it",
        {
            "model": "resnet18",
            "normalization": "none",
            "dataset": "cifar10",
            "inputs": "unit",
            "augment": ["none"],
            "batch_size": 128,
            "learning_rate": 0.01,
            "momentum": 0.9,
            "l2": 5e-4,
            "epochs": 200,
            "compare": ["sam", "asam"],
            "seeds": ["1", "2", "3"],
        },
    ),
    "e9": Preset(
        "K. Lee: one and two ascent steps on the adaptive ball, a small network",
        {
            "model": "convnet",
            "dataset": "cifar10",
            "augment": ["basic"],
            "batch_size": 64,
            "learning_rate": 0.01,  # Ours: at 0.1, as in the example, this network learns nothing.
            "momentum": 0.9,
            "l2": 5e-4,
            "label_smoothing": 0.1,
            "schedule": "step",
            "schedule_steps": ["0.3", "0.6", "0.8"],
            "schedule_factor": 0.2,
            "epochs": 60,
            # With rho 0.5 on SAM's own ball this network learns nothing.
            "compare": ["sgd", "asam:0.5", "multistep:0.5"],
            "method_arguments": [
                *("asam.eta=0.0", "asam.scaled=all"),
                *("multistep.steps=2", "multistep.adaptive=true"),
            ],
            "seeds": ["0", "1", "2"],
        },
    ),
    **looking.PRESETS,
}
