"""The flag whose value stands for those of others: a row of the published tables."""

from absl import flags

from keras_sam.experiments.presets import Preset


class PresetFlag(flags.EnumFlag):
    """The flag that names a preset."""

    def __init__(self, presets: dict[str, Preset]) -> None:
        super().__init__("preset", None, "", list(presets))
        self.presets = presets
        self.help = "A row of the published tables, listed above. Flags of the command come first."
        if any(preset.scales_rate for preset in presets.values()):
            self.help += " With another --batch_size the preset's learning rate is scaled alike."
        self.scaling = ""

    @property
    def explained(self) -> str:
        """A line a preset, for `--help`."""
        width = max(map(len, self.presets))
        return "\n".join(f"  {name:<{width}}  {p.source}" for name, p in self.presets.items())

    def apply(self, values: flags.FlagValues) -> None:
        """Sets the flags of the chosen preset, checked as those of a command are.

        Raises:
            absl.flags.Error: If a value is none that its flag takes.
            ValueError: If it does not go with others.
        """
        self.scaling = ""
        if self.value is None:
            return
        given = [name for name in values if values[name].present]
        chosen = self.presets[self.value].values(values.flag_values_dict(), given)
        for name, value in chosen.items():
            if value is None:
                values[name].value = None
            else:
                values[name].parse(value)
            values[name].present = 0  # No word of the command.
        self.scaling = self.presets[self.value].scaling(chosen)
        values.validate_all_flags()
