"""The flags of the report."""

from typing import Any

from absl import flags

FLAGS = flags.FlagValues()
OWN: dict[str, Any] = {"flag_values": FLAGS, "module_name": "Options"}

flags.DEFINE_list("runs", [], "Folders to search for runs, at any depth.", **OWN)
flags.DEFINE_string("output", "report", "Folder of the page.", **OWN)
flags.DEFINE_string("title", "Runs", "Title of the page.", **OWN)
flags.DEFINE_string("baseline", None, "Method to compare with. Default: sgd, where it is.", **OWN)
flags.DEFINE_string(
    "experiment",
    None,
    "e1 to e10: whose published figures to show. Default: as the runs' presets and settings say.",
    **OWN,
)
flags.DEFINE_bool("weights", False, "Draw the weights of the first convolutions.", **OWN)
