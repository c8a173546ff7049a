"""The tables in kind, as one core trains each of them to its end within an hour.

Each method is a cell of its own, with a flag chosen on held-out training images, as the papers do:
the rate of plain training first, then each method's rho at that rate; other seeds on all training
images then give the figures.
"""

from typing import Any

from keras_sam.experiments.tables.table import Cell
from keras_sam.experiments.tables.tuned import FRESH

RATES = ["0.03", "0.1", "0.3"]
NOISY_RATES = ["0.03", "0.1"]
WITHOUT_MOMENTUM = ["0.05", "0.1", "0.2"]
RHOS = {
    "sam": ["0.05", "0.1", "0.2"],
    "looksam": ["0.02", "0.05", "0.1"],  # At larger ones this network learns nothing.
    "asam": ["0.5", "1", "2"],
    "msam": ["1.2", "2.4", "4.8"],
    "fgsm": ["0.0005", "0.001", "0.002"],
}
NOISY_RHOS = RHOS | {"sam": ["0.1", "0.2", "0.4"]}
# Without normalization plain training needs four times the steps, and SAM smaller radii.
UNNORMALIZED_RHOS = {"sam": ["0.02", "0.05", "0.1"], "asam": ["0.1", "0.2", "0.5"]}
# A training takes half a minute, and plain training learns every label by heart.
CIFAR: dict[str, Any] = {
    "dataset": "cifar10",
    "num_train": 1500,
    "num_test": 2000,
    "image_size": 16,
    "augment": ["none"],
    "batch_size": 64,
}
BY_HEART: dict[str, Any] = CIFAR | {"model": "resnet8", "epochs": 30}
LONGER: dict[str, Any] = BY_HEART | {"epochs": 50}
FLOWERS: dict[str, Any] = {
    "dataset": "flowers12",
    "model": "mobilenet",
    "model_arguments": ["alpha=0.75"],
    "image_size": 128,
    "batch_size": 32,
    "epochs": 8,
}


def _compared(
    place: dict[str, str],
    flags: dict[str, Any],
    methods: dict[str, dict[str, Any]],
    rates: list[str] = RATES,
    rhos: dict[str, list[str]] = RHOS,
    app: str = "train_resnet",
    seeds: list[str] = FRESH,
) -> list[Cell]:
    """Cells of several methods under the same conditions, at the rate that suits plain training.

    Args:
        place: Dictionary, as of a `Cell`.
        flags: Dictionary, as of a `Cell`.
        methods: Dictionary from a method's name to a dictionary of the flags that are its own.
        rates: List of strings, to choose among. Defaults to those for momentum.
        rhos: Dictionary from a method's name to a list of strings, to choose among. Defaults to
            those for clean labels.
        app: String, as of a `Cell`.
        seeds: List of strings, as of a `Cell`. Defaults to five.

    Returns:
        List of `Cell`, plain training's first.
    """
    other: dict[str, Any] = {"app": app, "seeds": seeds}
    grid = {"learning_rate": rates}
    plain = Cell(place | {"method": "sgd"}, flags | {"method": "sgd"}, grid=grid, **other)
    return [plain] + [
        Cell(
            place | {"method": method},
            flags | {"method": method} | own,
            grid={"rho": rhos[method]},
            like=plain.name,
            **other,
        )
        for method, own in methods.items()
    ]


def _e4() -> list[Cell]:
    methods: dict[str, dict[str, Any]] = {"sam": {}, "asam": {}, "looksam": {}, "msam": {}}
    return [
        cell
        for noise in (20, 60)
        for cell in _compared(
            {"noise": f"noise_{noise}"},
            BY_HEART | {"label_noise": noise / 100},
            methods,
            NOISY_RATES,
            NOISY_RHOS,
        )
    ]


def _e7() -> list[Cell]:
    return [
        cell
        for size in (16, 64, 256)
        for cell in _compared(
            {"batch": f"batch_{size}"},
            LONGER | {"preset": "e7", "batch_size": size},
            {"sam": {}},
            [f"{float(rate) * size / 64:g}" for rate in WITHOUT_MOMENTUM],
            seeds=FRESH[:3],
        )
    ]


TWO_STEPS = {"method_arguments": ["steps=2"]}
CELLS = {
    "e1": _compared({"data": "cifar10"}, BY_HEART | {"plain_epochs": 60}, {"sam": {}}),
    "e3": _compared(
        {"network": "mobilenet"},
        FLOWERS,
        {"sam": {}},
        ["0.005", "0.01", "0.02"],
        {"sam": ["0.005", "0.01", "0.02", "0.05"]},
        app="finetune_efficientnet",
    ),
    "e4": _e4(),
    "e5": _compared(
        {"data": "cifar10"},
        LONGER | {"preset": "e5"},
        {"sam": {}, "fgsm": TWO_STEPS},
        WITHOUT_MOMENTUM,
        seeds=FRESH[:3],
    ),
    "e6": _compared({"data": "cifar10"}, LONGER | {"preset": "e6"}, {"sam": {}}, WITHOUT_MOMENTUM),
    "e7": _e7(),
    "e8": _compared(
        {"normalization": "norm_none"},
        BY_HEART | {"preset": "e8", "batch_size": 32, "epochs": 100},
        {"sam": {}, "asam": {}},
        ["0.01", "0.03", "0.1"],
        UNNORMALIZED_RHOS,
    ),
    "e9": _compared(
        {"data": "cifar10"},
        CIFAR | {"preset": "e9"},
        {
            "asam": {"method_arguments": ["eta=0.0", "scaled=all"]},
            "multistep": {"method_arguments": ["steps=2", "adaptive=true"]},
        },
        ["0.005", "0.01", "0.02"],
        RHOS | {"multistep": RHOS["asam"]},
    ),
}
