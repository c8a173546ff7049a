"""The flags of `python apps/reproduce.py`, and what starts it."""

from typing import Any

from absl import flags

from keras_sam.experiments import engine
from keras_sam.experiments.flags import command_line
from keras_sam.experiments.flags import engine as engine_flags
from keras_sam.experiments.flags.checking import as_argument
from keras_sam.experiments.flags.pictures import check_download
from keras_sam.experiments.flags.running import VERBOSE, VERBOSE_HELP
from keras_sam.experiments.tables import TABLES

FLAGS = flags.FlagValues()
OWN: dict[str, Any] = {"flag_values": FLAGS, "module_name": "Options"}
flags.DEFINE_enum("table", None, list(TABLES), "The table, listed above.", **OWN)
flags.DEFINE_string("data_dir", None, "Folder that holds the data sets.", **OWN)
flags.DEFINE_bool(
    "download", False, "Fetch each data set that is missing into --data_dir, before all.", **OWN
)
flags.DEFINE_list(
    "weights",
    [],
    "network=FILE: the weights that a network of E3 starts from: l2 in full, mobilenet in small.",
    **OWN,
)
flags.DEFINE_enum(
    "budget", "full", ["full", "small"], "small: in kind, within an hour of one core.", **OWN
)
flags.DEFINE_bool("smoke", False, "Few cells, scaled down, with each value of each axis.", **OWN)
flags.DEFINE_list(
    "only", [], "Cells whose name holds one of these texts, and those they need.", **OWN
)
flags.DEFINE_bool("list", False, "Train nothing: show the cells and what is done.", **OWN)
flags.DEFINE_string("workdir", None, "Folder of the results. Default: runs/<table>.", **OWN)
flags.DEFINE_bool(
    "resume",
    False,
    "Go on with the runs in --workdir. The same command, started several times with it, shares "
    "the runs among the processes, or machines with a common folder.",
    **OWN,
)
flags.DEFINE_enum("verbose", "0", VERBOSE, VERBOSE_HELP, **OWN)
engine_flags.define(FLAGS)
check_download(FLAGS)


def start(argv: list[str], text: str) -> None:
    """Reproduces the table that a command line asks for; a mistake ends it in one line.

    Args:
        argv: List of strings, the command line.
        text: String, what `--help` prints above the flags.
    """
    rows = "\n".join(f"  {name:<7} {table.source}" for name, table in TABLES.items())
    with command_line.listening(argv, command_line.GO_ON):
        _start(argv, f"{text.strip()}\n\nTables:\n{rows}\n")


def _start(argv: list[str], text: str) -> None:
    options = command_line.parse(FLAGS, argv, text)
    try:
        options = _checked(options)
        engine.check(options)
        command_line.keep_compiled(options["workdir"])
        # Imported here, so that --help and a mistyped flag need no backend.
        from keras_sam.experiments.tables.reproduction import Reproduction

        reproduction = Reproduction(options, command_line.command(FLAGS, argv))
        if options["list"]:
            print(reproduction.listed())
            return
        engine.share(options, argv, "reproduce")
    except (ValueError, TypeError, OSError, ImportError) as error:
        command_line.fail(argv, error)
    with command_line.trouble_explained(argv):
        failed = reproduction.run()
    command_line.report_failed(argv, failed)


def _checked(options: dict[str, Any]) -> dict[str, Any]:
    if options["table"] is None:
        raise ValueError(f"Name a table: {', '.join(TABLES)}. Received: no --table")
    wrong = [text for text in options["weights"] if not all(text.partition("="))]
    if wrong:
        raise ValueError(
            f"Weights are network=FILE, as in l2=FILE. Received: {as_argument('weights', wrong)}"
        )
    return options | {"workdir": options["workdir"] or f"runs/{options['table']}"}
