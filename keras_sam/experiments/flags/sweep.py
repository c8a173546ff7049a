"""The flags of a sweep, and what starts it."""

from typing import Any

from absl import flags

from keras_sam.experiments import engine
from keras_sam.experiments.flags import command_line
from keras_sam.experiments.flags import engine as engine_flags

FLAGS = flags.FlagValues()
OWN: dict[str, Any] = {"flag_values": FLAGS, "module_name": "Options"}
APPS = ["train_resnet", "train_text", "finetune_efficientnet"]
flags.DEFINE_enum("app", "train_resnet", APPS, "What to sweep.", **OWN)
flags.DEFINE_multi_string(
    "grid",
    [],
    "flag=value,value,…; where values have commas themselves, augment=none;basic,cutout.",
    **OWN,
)
flags.DEFINE_enum(
    "tuner", "grid", ["grid", "random", "bayesian"], "grid, or a search of Optuna.", **OWN
)
flags.DEFINE_multi_string(
    "range", [], "flag=low:high or flag=low:high:log, of a number, for Optuna.", **OWN
)
flags.DEFINE_integer("trials", 10, "Points that Optuna tries.", 1, **OWN)
flags.DEFINE_bool(
    "prune",
    False,
    "End a point early that lags: after a quarter of its epochs, its first seed is worse than the "
    "median of the points before.",
    **OWN,
)
flags.DEFINE_float("holdout", 0.1, "Share of the training images to choose on.", **OWN)
flags.DEFINE_list("sweep_seeds", ["0", "1"], "Seeds of each point.", **OWN)
flags.DEFINE_list(
    "final_seeds",
    ["10", "11", "12"],
    "Seeds of the final runs, other ones; none (--final_seeds=) to choose only.",
    **OWN,
)
flags.DEFINE_bool("smoke", False, "Shrink each run, as the app's flag does.", **OWN)
flags.DEFINE_string("workdir", "runs/sweep", "Folder of the results.", **OWN)
flags.DEFINE_string(
    "storage",
    None,
    "URL of a database for Optuna's trials, as in sqlite:///study.db. Default: a journal in "
    "--workdir.",
    **OWN,
)
flags.DEFINE_bool(
    "resume",
    False,
    "Go on with the sweep in --workdir. The same command, started several times with it, shares "
    "the points among the processes.",
    **OWN,
)
flags.DEFINE_bool("overwrite", False, "Remove the sweep in --workdir first.", **OWN)
engine_flags.define(FLAGS)


def start(argv: list[str], text: str) -> None:
    """Sweeps as a command line asks; an error of the user's ends it in one line.

    Args:
        argv: List of strings, the command line.
        text: String, what `--help` prints above the flags.
    """
    with command_line.listening(argv, command_line.GO_ON):
        _start(argv, text)


def _start(argv: list[str], text: str) -> None:
    end = argv.index("--") if "--" in argv else len(argv)
    options = command_line.parse(FLAGS, argv[:end], text)
    command_line.keep_compiled(options["workdir"])
    try:
        # Imported here, so that --help and a mistyped flag need not wait for a backend.
        from keras_sam.checks import import_extra

        for package in ("optuna", "filelock"):
            import_extra(package, package)
        engine.check(options)
        from keras_sam.experiments.sweep.request import Request
        from keras_sam.experiments.sweep.sweep import Sweep

        request = Request(options, argv[0], argv[end + 1 :])
        command = [command_line.command(FLAGS, argv), "--", *request.app_flags]
        with command_line.trouble_explained(argv):
            sweep = Sweep(request, " ".join(command))
            engine.share(options, argv, "sweep")
            failed = sweep.run()
    except (ValueError, TypeError, OSError, ImportError) as error:
        command_line.fail(argv, error)
    command_line.report_failed(argv, failed)
