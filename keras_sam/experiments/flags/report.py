"""The flags of the report."""

from absl import flags

FLAGS = flags.FlagValues()

flags.DEFINE_list("runs", [], "Folders to search for runs, at any depth.", flag_values=FLAGS)
flags.DEFINE_string("output", "report", "Folder of the page.", flag_values=FLAGS)
flags.DEFINE_string("title", "Runs", "Title of the page.", flag_values=FLAGS)
flags.DEFINE_string(
    "baseline", None, "Method to compare with. Default: sgd, where it is.", flag_values=FLAGS
)
flags.DEFINE_string(
    "experiment",
    None,
    "e1 to e10: whose published figures to show. Default: as the runs' presets and settings say.",
    flag_values=FLAGS,
)
flags.DEFINE_bool(
    "weights", False, "Draw the weights of the first convolutions.", flag_values=FLAGS
)
