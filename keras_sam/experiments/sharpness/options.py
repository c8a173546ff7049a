"""Which models to measure on which data, from what the command line says."""

import dataclasses
import json
from pathlib import Path

from keras_sam import checks
from keras_sam.checks import import_extra
from keras_sam.experiments.training.entries import check_known

ALL = "all"
SMOKE = {"num_examples": 128, "steps": 8, "points": 5}
# What a run's settings say of its data, with the values of a model that has none beside it.
DATA = {
    "dataset": "digits",
    "data_dir": None,
    "num_train": None,
    "num_test": None,
    "holdout": 0.0,
    "image_size": None,
    "inputs": None,
    "label_noise": 0.0,
    "noise_kind": "symmetric",
    "seed": 0,
    "smoke": False,
}
FLAGS = ("dataset", "data_dir", "label_noise", "seed")


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A trained model, and the data that it was trained on.

    Args:
        label: Name in tables and figures.
        path: Path of the `.keras` file.
        data: Dictionary with the keys of `DATA`.
    """

    label: str
    path: Path
    data: dict


def checked(options, measures):
    """The options with `all` and `--smoke` resolved, if they make sense.

    Args:
        options: Dictionary of the app's flags.
        measures: Tuple of the known measures.

    Returns:
        Dictionary.

    Raises:
        ValueError: If an option is wrong.
        ImportError: If an optional package is missing.
    """
    for name in ("num_examples", "batch_size", "steps", "points"):
        checks.positive_integer(name, options[name])
    for name in ("rho", "adaptive_rho", "reach"):
        checks.positive(name, options[name])
    checks.non_negative_integer("draws", options["draws"])
    if options["points"] < 3 or options["points"] % 2 == 0:
        raise ValueError(
            "A landscape needs an odd number of points, three at least, one of them at the "
            f"weights. Received: --points={options['points']}"
        )
    workdir = Path(options["workdir"])
    if workdir.exists() and not workdir.is_dir():
        raise ValueError(f"The work directory must be a folder. Received: --workdir={workdir}")
    # Better now than after the measurements.
    import_extra("matplotlib.figure", "matplotlib", "sharpness")
    chosen = _measures(options["measure"], measures)
    if "adaptive" in chosen and not options["logits"]:
        raise ValueError(
            "adaptive is of normalised logits, which the models must return; name the other "
            f"measures. Received: --nologits --measure={','.join(options['measure'])}"
        )
    smoke = SMOKE if options["smoke"] else {}
    smaller = {name: min(options[name], most) for name, most in smoke.items()}
    return options | smaller | {"measure": chosen}


def _measures(names, known):
    names = [name.strip() for name in names]
    for name in names:
        check_known("measure", name, [*known, ALL])
    if not names:
        raise ValueError("Name a measure, or all of them: --measure=all. Received: --measure=")
    return list(known) if ALL in names else list(dict.fromkeys(names))


def checkpoints(options):
    """The models to measure, in the order of the command.

    Args:
        options: Dictionary of the app's flags.

    Returns:
        List of `Checkpoint`.

    Raises:
        ValueError: If there is none, or a label or a file is missing.
    """
    if not options["checkpoint"]:
        raise ValueError(
            "Name the models to measure: --checkpoint=SGD=path/to/model.keras, once for each. "
            "Received: no --checkpoint"
        )
    given = {name: options[name] for name in FLAGS if options[name] is not None}
    return [
        Checkpoint(label, path, _data(path, given))
        for label, paths in map(_located, options["checkpoint"])
        for path in paths
    ]


def _located(text):
    label, _, name = text.partition("=")
    if not label or not name:
        raise ValueError(
            "Each model has a label and a path, as in SGD=path/to/model.keras. "
            f"Received: --checkpoint={text}"
        )
    path = Path(name)
    if path.is_file():
        return label, [path]
    single = path / "model.keras"
    found = [single] if single.is_file() else sorted(path.glob("seed_*/model.keras"))
    if not found:
        raise ValueError(
            "A path must be a .keras file, or a folder with model.keras or seed_<n>/model.keras in "
            f"it. Received: --checkpoint={text}"
        )
    return label, found


def _data(path, given):
    settings = path.parent / "settings.json"
    beside = json.loads(settings.read_text()) if settings.is_file() else {}
    return DATA | {key: value for key, value in beside.items() if key in DATA} | given
