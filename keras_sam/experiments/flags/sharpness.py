"""The flags of `sharpness.py`."""

from typing import Any

from absl import flags

from keras_sam.checks import positive, share
from keras_sam.experiments.flags.checking import check_known, checked, excluded, whole_numbers

FLAGS = flags.FlagValues()
OWN: dict[str, Any] = {"flag_values": FLAGS, "module_name": "Options"}
MEASURES = ("eigenvalues", "trace", "m_sharpness", "adaptive", "bound", "spectrum", "landscape")
ALL = "all"


def measures(names: list[str]) -> list[str]:
    """The measures that the command names, `all` being every one of them."""
    names = [name.strip() for name in names]
    return list(MEASURES if ALL in names else dict.fromkeys(names))


def _check_measures(name: str, names: list[str]) -> None:
    if not names:
        raise ValueError(f"Name a measure, or all of them: {name}=all. Received: {name}=")
    for measure in names:
        check_known("measure", measure.strip(), [*MEASURES, ALL])


def _check_points(name: str, points: int) -> None:
    if points < 3 or points % 2 == 0:
        raise ValueError(
            "A landscape needs an odd number of points, three at least, one of them at the "
            f"weights. Received: {name}={points}"
        )


def _check_sizes(name: str, texts: list[str]) -> None:
    if texts and min(whole_numbers(name, texts)) < 1:
        raise ValueError(f"An m is 1 at least. Received: {name}={','.join(texts)}")


flags.DEFINE_multi_string(
    "checkpoint",
    [],
    "label=path, as often as there are models: of a .keras file, a folder with a model.keras, or a "
    "folder with seed_<n>/model.keras.",
    **OWN,
)
flags.DEFINE_list(
    "measure",
    ["eigenvalues", "trace", "m_sharpness"],
    f"all, or several of: {', '.join(MEASURES)}.",
    **OWN,
)
flags.DEFINE_string("dataset", None, "See keras_sam.datasets.list().", **OWN)
flags.DEFINE_string("data_dir", None, "Folder that holds the data set.", **OWN)
flags.DEFINE_float("label_noise", None, "Share of wrong training labels.", **OWN)
flags.DEFINE_integer("seed", None, "Seed of the label noise.", 0, **OWN)
flags.DEFINE_integer(
    "num_examples", 1024, "Training images to measure on, of all classes alike.", 1, **OWN
)
flags.DEFINE_bool(
    "right_labels", False, "Measure on training images alone whose label is right.", **OWN
)
flags.DEFINE_integer("batch_size", 128, "Images at a time, and the m of m-sharpness.", 1, **OWN)
flags.DEFINE_list(
    "m",
    [],
    "Sizes m for which m-sharpness is measured too, 4,16,64: tells for each how well it ranks the "
    "models by their gap.",
    **OWN,
)
flags.DEFINE_float("rho", 0.05, "Radius of m-sharpness and of the bound.", **OWN)
flags.DEFINE_float(
    "adaptive_rho", 0.5, "Radius of adaptive sharpness, relative to the weights.", **OWN
)
flags.DEFINE_integer("steps", 80, "Lanczos steps of the spectrum.", 1, **OWN)
flags.DEFINE_integer("points", 25, "Points along each axis of the landscape.", **OWN)
flags.DEFINE_float("reach", 1.0, "How far the landscape goes, in lengths of the directions.", **OWN)
flags.DEFINE_integer("draws", 0, "Seed of start vectors and directions.", 0, **OWN)
flags.DEFINE_bool(
    "logits", True, "Whether the models return logits rather than probabilities.", **OWN
)
flags.DEFINE_bool("smoke", False, "Few images, steps and points: to see whether it works.", **OWN)
flags.DEFINE_string("workdir", "runs/sharpness", "Folder of the results.", **OWN)
checked(FLAGS, _check_sizes, "m")
checked(FLAGS, positive, "rho", "adaptive_rho", "reach")
checked(FLAGS, share, "label_noise")
checked(FLAGS, _check_points, "points")
checked(FLAGS, _check_measures, "measure")
excluded(
    FLAGS,
    ("logits", "measure"),
    lambda logits, names: not logits and "adaptive" in measures(names),
    "adaptive is of normalised logits, which the models must return; name the other measures.",
)
