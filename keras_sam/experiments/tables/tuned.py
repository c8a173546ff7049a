"""Every method, tuned alike: digits with wrong labels, eight trials each on held-out images.

A method's trials are of its own radius, on a logarithmic grid from its default upwards, as wrong
labels want more than the clean ones that most defaults are for; of a method with a second setting
that counts, of fewer radii at two values of it. Plain training has as many trials of its learning
rate, anew for each length of training: the longer ones are what it does with another method's time.
"""

from typing import Any

from keras_sam.experiments.tables.table import Cell

DEFAULT_RADIUS = 0.05
RADII = {
    **{"arwp": 0.01, "asam": 0.5, "bsam": 0.01, "cr_sam": 0.1, "det_sam": 1.0, "fgsm": 0.001},
    **{"frob_sam": 0.005, "gnp": 0.1, "le_sam": 0.3, "m_arwp": 0.015, "m_rwp": 0.015, "msam": 0.3},
    **{"rwp": 0.01, "sam_on": 0.5, "sampa": 0.1, "trace_sam": 0.01, "xsam": 0.15},
}
TIMES = (0.5, 1, 2, 4, 8, 16, 32, 64)  # A method's own radius.
FEWER_TIMES = (1, 4, 8, 16)  # With a second setting, of which there are two.
# The default, and what the card or the paper has beside it, or one that does more.
SECOND = {
    "ae_sam": ("l2", 1.0, 0.0),
    "ao_sam": ("l2", 1.0, 0.0),
    "arwp": ("eta", 0.1, 1.0),
    "asam": ("normalization", "element", "filter"),
    "bsam": ("data_size", 50000, 1297),
    "cr_sam": ("gamma", 0.1, 0.5),
    "delta_sam": ("weights", "curvature", "slope"),
    "det_sam": ("strength", 1.0, 2.0),
    "esam": ("beta", 0.6, 1.0),
    "friendly": ("sigma", 1.0, 0.5),
    "frob_sam": ("strength", 0.005, 0.05),
    "gnp": ("alpha", 0.8, 0.5),
    "gsam": ("alpha", 0.4, 0.1),
    "late": ("start", 1000, 630),
    "le_sam": ("sigma", 0.35, 1.0),
    "lookbehind": ("momentum", 0.0, 0.9),
    "looksam": ("alpha", 0.7, 0.3),
    "m_arwp": ("lam", 0.5, 0.8),
    "m_rwp": ("lam", 0.5, 0.8),
    "random_sam": ("sigma", 0.0005, 0.005),
    "sagm": ("alpha", 0.001, 0.1),
    "sampa": ("lam", 0.2, 0.5),
    "ssam_d": ("sparsity", 0.5, 0.2),
    "ssam_f": ("sparsity", 0.5, 0.2),
    "trace_sam": ("strength", 1.0, 4.0),
    "vasso": ("theta", 0.9, 0.4),
    "wsam": ("gamma", 0.9, 0.95),
    "zsharp": ("percentile", 0.95, 0.5),
}
# The cheap ones and the well-known first: what stops early has these.
METHODS = (
    *("sam", "msam", "looksam", "gsam", "asam", "s2sam", "periodic", "esam", "rwp", "friendly"),
    *("ae_sam", "arwp", "late", "le_sam", "vasso", "sampa", "zsharp", "gnp", "m_rwp", "wsam"),
    *("fgsm", "functional_sam", "ao_sam", "stable_sam", "m_arwp", "sagm", "opt_sam", "sam_on"),
    *("lookahead_sam", "mup_sam", "random_sam", "bsam", "ssam_d", "ssam_f", "xsam", "cr_sam"),
    *("multistep", "trace_sam", "det_sam", "delta_sam", "lookbehind", "second_order", "frob_sam"),
)
LEFT_OUT = {
    "flat_lora": "for LoRA",
    "focal_sam": "for classes of different sizes",
    "imb_sam": "for rare classes",
}
EPOCHS = 60
LENGTHS = (EPOCHS, 90, 120, 180)  # Of plain training; the dearest method takes 200 epochs' time.
RATES = ["0.0003", "0.0006", "0.00125", "0.0025", "0.005", "0.01", "0.02", "0.04"]
FLAGS: dict[str, Any] = {
    "model": "convnet",
    "dataset": "digits",
    "label_noise": 0.4,
    "learning_rate": 0.02,
}
FRESH = ["10", "11", "12", "13", "14"]


def _plain(epochs: int) -> Cell:
    return Cell(
        {"method": "sgd", "epochs": f"epochs_{epochs}"},
        FLAGS | {"method": "sgd", "epochs": epochs, "learning_rate": None},
        grid={"learning_rate": RATES},
        seeds=FRESH,
    )


def radii(method: str, times: tuple[float, ...]) -> list[str]:
    """The radii to try, as multiples of a method's own."""
    return [f"{RADII.get(method, DEFAULT_RADIUS) * factor:g}" for factor in times]


def _cell(method: str) -> Cell:
    grid = {}
    if method in SECOND:
        name, *values = SECOND[method]
        grid["method_arguments"] = [f"{name}={value}" for value in values]
    grid["rho"] = radii(method, FEWER_TIMES if method in SECOND else TIMES)
    flags = FLAGS | {"method": method, "epochs": EPOCHS}
    return Cell({"method": method}, flags, grid=grid, seeds=FRESH)


CELLS = [_plain(EPOCHS), *map(_cell, METHODS), *map(_plain, LENGTHS[1:])]
