"""The presets of E10, which look at sharpness where the others end in a table."""

from typing import Any

from keras_sam.experiments.presets import OFFICIAL, Preset

RADII = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
# Of what is looked at beside the tables the paper gives no settings: those of table 1, smaller.
E10: dict[str, Any] = OFFICIAL | {
    "model": "resnet20",
    "dataset": "cifar10",
    "augment": ["basic"],
    "padding": "reflect",
    "batch_size": 256,
    "learning_rate": 0.1,
    "l2": 5e-4,
    "epochs": 200,
    "seeds": ["0", "1", "2"],
}
PRESETS = {
    "e10": Preset(
        "Foret et al. 2021, figure 3: the Hessian's spectrum during a training without BatchNorm",
        {
            "model": "wide_resnet40_10",
            "normalization": "none",
            "dataset": "cifar10",
            "augment": ["basic"],
            "batch_size": 256,
            "learning_rate": 0.01,  # As in e8: the paper's is not published.
            "momentum": 0.9,
            "l2": 5e-4,
            "epochs": 300,
            "compare": ["sgd", "sam:0.05"],
            "watch": ["eigenvalues", "m_sharpness", "angle", "spectrum"],
            "watch_every": 50,
        },
    ),
    "e10_rho": Preset(
        "Foret et al. 2021: test error over rho; --num_batch_splits=4 and so on for the "
        "other m, each in a --workdir of its own",
        E10 | {"compare": ["sgd", *(f"sam:{rho}" for rho in RADII)], "num_batch_splits": 1},
    ),
    "e10_tau": Preset(
        "Foret et al. 2021: models whose gap differs, for apps/sharpness.py "
        "--m=4,16,64,256, which tells Kendall's tau of m-sharpness and gap for each m",
        E10 | {"augment": ["none"], "compare": ["sgd", *(f"sam:{rho}" for rho in RADII)]},
    ),
    "e10_order": Preset(
        "Foret et al. 2021: first- against second-order SAM, and their angle",
        E10
        | {
            "model": "wide_resnet40_2",
            "compare": ["sgd", "sam:0.05", "second_order:0.05"],
            "watch": ["angle"],
        },
    ),
}
