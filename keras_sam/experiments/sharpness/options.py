"""The app of sharpness: which models to measure, on which data, and in which order of work."""

import dataclasses
from pathlib import Path
from typing import Any

from keras_sam.experiments.flags import command_line
from keras_sam.experiments.flags.checking import whole_numbers
from keras_sam.experiments.flags.sharpness import FLAGS, measures
from keras_sam.experiments.results import files

SMOKE = {"num_examples": 128, "steps": 8, "points": 5}
# What a run's settings say of its data, with the values of a model that has none beside it.
DATA: dict[str, Any] = {
    "dataset": "digits",
    "data_dir": None,
    "num_train": None,
    "num_test": None,
    "holdout": 0.0,
    "imbalance": None,
    "image_size": None,
    "inputs": None,
    "label_noise": 0.0,
    "noise_kind": "symmetric",
    "seed": 0,
    "labels_from": None,
    "augment": [],
    "smoke": False,
}
OWN_DATA = ("dataset", "data_dir", "label_noise", "seed")  # Flags of the app itself.


def main(argv: list[str], text: str | None) -> None:
    """Measures what the flags ask for; an error of the user's ends it in one line."""
    with command_line.listening(argv, "Stopped before the results were written."):
        _main(argv, text)


def _main(argv: list[str], text: str | None) -> None:
    options = command_line.parse(FLAGS, argv, text)
    command_line.keep_compiled(options["workdir"])
    try:
        # Imported here, so that --help and a mistyped flag need no backend.
        from keras_sam.checks import import_extra
        from keras_sam.experiments.sharpness import report
        from keras_sam.experiments.sharpness.measuring import measured

        # Better now than after the measurements.
        import_extra("matplotlib.figure", "matplotlib", "sharpness")
        options = resolved(options)
        findings = measured(checkpoints(options), options)
        report.write(findings, options, command_line.command(FLAGS, argv))
    except (ValueError, TypeError, OSError, ImportError, RuntimeError) as error:
        command_line.fail(argv, error)


def resolved(options: dict[str, Any]) -> dict[str, Any]:
    """The options with `all` and `--smoke` resolved.

    Raises:
        ValueError: If the work directory is none.
    """
    workdir = Path(options["workdir"])
    if workdir.exists() and not workdir.is_dir():
        raise ValueError(f"The work directory must be a folder. Received: --workdir={workdir}")
    smoke = SMOKE if options["smoke"] else {}
    smaller = {name: min(options[name], most) for name, most in smoke.items()}
    return options | smaller | {"measure": measures(options["measure"]), "m": sizes(options)}


def sizes(options: dict[str, Any]) -> list[int]:
    """The m for which m-sharpness is measured beside that of the batch size."""
    return whole_numbers("--m", options["m"]) if options["m"] else []


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
    data: dict[str, Any]


def checkpoints(options: dict[str, Any]) -> list[Checkpoint]:
    """The models to measure, in the order of the command.

    Raises:
        ValueError: If there is none, or a label or a file is missing.
    """
    if not options["checkpoint"]:
        raise ValueError(
            "Name the models to measure: --checkpoint=SGD=path/to/model.keras, once for each. "
            "Received: no --checkpoint"
        )
    given = {name: options[name] for name in OWN_DATA if options[name] is not None}
    return [
        Checkpoint(label, path, _data(path, given))
        for label, paths in map(_located, options["checkpoint"])
        for path in paths
    ]


def _located(text: str) -> tuple[str, list[Path]]:
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


def _data(path: Path, given: dict[str, Any]) -> dict[str, Any]:
    settings = path.parent / "settings.json"
    beside = files.settings(settings, ()) if settings.is_file() else {}
    return DATA | {key: value for key, value in beside.items() if key in DATA} | given
