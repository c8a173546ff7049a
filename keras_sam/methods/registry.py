"""The table of named methods: a new method is one row."""

from collections.abc import Callable
from dataclasses import dataclass

from keras_sam.methods.families import (
    AESAM,
    AOSAM,
    ASAM,
    BSAM,
    CRSAM,
    ESAM,
    FGSM,
    GSAM,
    MSAM,
    S2SAM,
    SAM,
    SAMON,
    SSAMD,
    SSAMF,
    WSAM,
    DeltaSAM,
    DetSAM,
    Friendly,
    FrobSAM,
    Late,
    LookaheadSAM,
    Lookbehind,
    LookSAM,
    MultiStep,
    MuPSAM,
    OptSAM,
    Periodic,
    RandomSAM,
    SAMPa,
    SecondOrder,
    TraceSAM,
)
from keras_sam.methods.method import Method


@dataclass(frozen=True)
class Row:
    """A named method.

    Args:
        name: Registry name, as in `SAMModel(model, method=name)`.
        factory: Builds the `Method`; its keyword arguments are the method's options.
        summary: One line on what the method does.
        paper: Short reference.
        cost: Gradient evaluations a step, in words.
        state: What the method keeps between steps beside the optimizer's state.
        fixed: Options of all other methods that this one does not have.
    """

    name: str
    factory: Callable[..., Method]
    summary: str
    paper: str
    cost: str
    state: str = "none"
    fixed: tuple = ()


NO_FRACTION = ("ascent_fraction",)

# fmt: off
ROWS = {row.name: row for row in (
    Row("sam", SAM, "gradient at the worst point of a p-norm ball",
        "Foret et al. 2021", "2", "none"),
    Row("fgsm", FGSM, "sign steps, optionally with momentum",
        "Dong et al. 2018", "1 + steps", "none"),
    Row("multistep", MultiStep, "several ascent steps",
        "Foret et al. 2021, C.6", "1 + steps", "none"),
    Row("second_order", SecondOrder, "the exact gradient of SAM's objective",
        "Foret et al. 2021, C.4", "2 and a Hessian-vector product", "none",
        NO_FRACTION),
    Row("asam", ASAM, "a ball scaled with the weights",
        "Kwon et al. 2021", "2", "none"),
    Row("sam_on", SAMON, "perturbs normalization layers only",
        "Mueller et al. 2023", "2", "none"),
    Row("periodic", Periodic, "SAM on each `every`-th update",
        "Composer", "1 + 1 / every", "none",
        NO_FRACTION),
    Row("late", Late, "SAM from update `start` on",
        "Zhou et al. 2025", "1, then 2", "none",
        NO_FRACTION),
    Row("gsam", GSAM, "also closes the gap to the clean loss",
        "Zhuang et al. 2022", "2", "none",
        NO_FRACTION),
    Row("wsam", WSAM, "loss and sharpness, each with its weight",
        "Yue et al. 2023", "2", "none",
        NO_FRACTION),
    Row("ssam_f", SSAMF, "perturbs entries of large Fisher information",
        "Mi et al. 2022", "2, single examples each update_every", "mask"),
    Row("ssam_d", SSAMD, "perturbs entries that are dropped and grown",
        "Mi et al. 2022", "2", "mask"),
    Row("sampa", SAMPa, "two gradients that do not wait for each other",
        "Xie et al. 2024", "2, in parallel", "gradient, last batch",
        ("every", "start", "ascent_fraction")),
    Row("s2sam", S2SAM, "climbs along the last batch's gradient",
        "Ji et al. 2024", "1", "gradient",
        NO_FRACTION),
    Row("msam", MSAM, "climbs along the momentum",
        "Becker et al. 2025", "1", "momentum",
        NO_FRACTION),
    Row("looksam", LookSAM, "SAM on each k-th update, its part reused",
        "Liu et al. 2022", "1 + 1 / k", "orthogonal part", ("every", "ascent_fraction")),
    Row("ae_sam", AESAM, "SAM where the gradient is long",
        "Jiang et al. 2023", "1 + share", "two numbers",
        NO_FRACTION),
    Row("lookahead_sam", LookaheadSAM, "SAM a step down the clean gradient",
        "Yu et al. 2024", "2", "none",
        NO_FRACTION),
    Row("opt_sam", OptSAM, "SAM a step down the last gradient",
        "Yu et al. 2024", "2", "gradient",
        NO_FRACTION),
    Row("ao_sam", AOSAM, "Opt-SAM where the gradient is long",
        "Yu et al. 2024", "1 + share", "gradient, two numbers",
        NO_FRACTION),
    Row("lookbehind", Lookbehind, "climbs k times, descends with each",
        "Mordido et al. 2024", "1 + k", "momentum, if any",
        NO_FRACTION),
    Row("friendly", Friendly, "climbs along what is special to the batch",
        "Li et al. 2024", "2", "mean gradient"),
    Row("cr_sam", CRSAM, "penalty on the curvature along the ascent",
        "Wu et al. 2024", "3", "none",
        NO_FRACTION),
    Row("random_sam", RandomSAM, "ascent from random weights nearby",
        "Liu et al. 2022b", "2", "none",
        NO_FRACTION),
    Row("delta_sam", DeltaSAM, "ascent from the examples that react most",
        "Zhou et al. 2022", "2 and 2 forward passes", "none",
        NO_FRACTION),
    Row("mup_sam", MuPSAM, "one radius for every width",
        "Haas et al. 2024", "2", "none"),
    Row("trace_sam", TraceSAM, "penalty on the Hessian's trace",
        "Tahmasebi et al. 2024", "1 + samples", "none",
        NO_FRACTION),
    Row("frob_sam", FrobSAM, "penalty on the Hessian's Frobenius norm",
        "Tahmasebi et al. 2024", "1 + samples", "none",
        NO_FRACTION),
    Row("det_sam", DetSAM, "penalty on the Hessian's determinant",
        "Tahmasebi et al. 2024", "1 + samples", "none",
        NO_FRACTION),
    Row("esam", ESAM, "some tensors, and the examples that react",
        "Du et al. 2022", "1 + gamma and a forward pass", "none",
        NO_FRACTION),
    Row("bsam", BSAM, "a relaxation of Bayes, with its own update",
        "Moellenhoff and Khan 2023", "2", "precision, momentum",
        ("every", "start", "ascent_fraction")),
)}
# fmt: on
