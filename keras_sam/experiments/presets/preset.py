"""Rows of the published tables, as values of the flags of a training app."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Preset:
    """The settings behind a row of a published table.

    Args:
        source: String, what it reproduces.
        flags: Dictionary from a flag's name to its value.
        by_dataset: Dictionary from a data set's name to the flags that differ there. Defaults to
            none.
    """

    source: str
    flags: dict
    by_dataset: dict = dataclasses.field(default_factory=dict)


def explained(presets):
    """A line a preset, for `--help`.

    Args:
        presets: Dictionary from a name to its `Preset`.

    Returns:
        String of several lines.
    """
    width = max(map(len, presets))
    return "\n".join(f"  {name:<{width}}  {preset.source}" for name, preset in presets.items())


def applied(options, given, presets):
    """The options with a preset's values wherever the command has none of its own.

    Args:
        options: Dictionary of the app's flags.
        given: Collection of the names that the command sets itself.
        presets: Dictionary from a name to its `Preset`.

    Returns:
        New dictionary.

    Raises:
        ValueError: If the preset is unknown.
    """
    from keras_sam.experiments.training.entries import (
        check_known,  # `--help` need not wait for a backend.
    )

    if options["preset"] is None:
        return options
    check_known("preset", options["preset"], list(presets))
    preset = presets[options["preset"]]
    # A method of the command's own takes the place of the preset's comparison.
    given = {*given, "compare"} if "method" in given else given
    # Epochs of the command's own likewise that of its steps.
    given = {*given, "steps"} if "epochs" in given else given
    dataset = options["dataset"] if "dataset" in given else preset.flags.get("dataset")
    values = preset.flags | preset.by_dataset.get(dataset, {})
    if "method" in given:
        values = _own_rho(values, options["method"]) | values
    if "epochs" in given and values.get("plain_epochs"):
        # As many times SAM's epochs as in the preset.
        times = values["plain_epochs"] / values["epochs"]
        values = values | {"plain_epochs": round(times * options["epochs"])}
    return options | {name: value for name, value in values.items() if name not in given}


def _own_rho(values, method):
    """The radius that the preset's comparison has for a method, if it has one."""
    entries = dict(text.partition(":")[::2] for text in values.get("compare", []))
    return {"rho": float(entries[method])} if entries.get(method) else {}
