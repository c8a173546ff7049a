"""Rows of the published tables, as values of the flags of a training app."""

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

# As google-research/sam trains.
OFFICIAL: dict[str, Any] = {"momentum": 0.9, "nesterov": True, "clipnorm": 5.0}


@dataclasses.dataclass(frozen=True)
class Preset:
    """The settings behind a row of a published table.

    Args:
        source: String, what it reproduces.
        flags: Dictionary from a flag's name to its value.
        by_dataset: Dictionary from a data set's name to the flags that differ there. Defaults to
            none.
        scales_rate: Whether the learning rate grows with a batch size that the command sets.
            Defaults to `False`.
    """

    source: str
    flags: dict[str, Any]
    by_dataset: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    scales_rate: bool = False

    def values(self, options: Mapping[str, Any], given: Collection[str]) -> dict[str, Any]:
        """The flags that the preset sets beside a command's own.

        Args:
            options: Dictionary from a flag's name to the command's value, or the default.
            given: Collection of the names of flags that the command sets itself.
        """
        dataset = options["dataset"] if "dataset" in given else self.flags["dataset"]
        values = self.flags | self.by_dataset.get(dataset, {})
        replaced = set(given)
        if "method" in given:  # It takes the place of the preset's comparison.
            replaced.add("compare")
            values = _own_rho(values, options["method"]) | values
        if "epochs" in given:  # They take the place of the preset's steps.
            replaced.add("steps")
            if values.get("plain_epochs"):  # As many times SAM's epochs as in the preset.
                times = values["plain_epochs"] / values["epochs"]
                values = values | {"plain_epochs": round(times * options["epochs"])}
        if "batch_size" in given and self.scales_rate:
            factor = options["batch_size"] / values["batch_size"]
            values = values | {"learning_rate": values["learning_rate"] * factor}
        if {"weight_decay", "l2"} & replaced:  # One way of decay takes the place of the other.
            replaced |= {"weight_decay", "l2"}
        return {name: value for name, value in values.items() if name not in replaced}

    def scaling(self, chosen: Mapping[str, Any]) -> str:
        """A line on how a run's learning rate follows from the preset's; empty if it is its own.

        Args:
            chosen: Dictionary of the values that `values` returned.
        """
        if "batch_size" in chosen or not self.scales_rate or "learning_rate" not in chosen:
            return ""
        own = self.flags["learning_rate"]
        return (
            f"learning_rate={chosen['learning_rate']:g} is the preset's {own:g} for a batch of "
            f"{self.flags['batch_size']}, scaled with --batch_size"
        )


def _own_rho(values: dict[str, Any], method: str) -> dict[str, float]:
    """The radius that the preset's comparison has for a method, if it has one."""
    for name, *own in (text.split(":") for text in values.get("compare", [])):
        if name == method and own:
            return {"rho": float(own[0])}
    return {}
