"""What every app does with its command line: flags, help, and errors in one line."""

import contextlib
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

from absl import flags, logging

from keras_sam.checks import shortened
from keras_sam.experiments import launch, stopping
from keras_sam.experiments.flags.checking import FLAGFILE, check_sane, explained
from keras_sam.experiments.flags.preset import PresetFlag
from keras_sam.experiments.results.files import RunError

GO_ON = "Stopped. The same command with --resume goes on from the last whole epoch."
CONSOLE = "keras-sam"  # The installed command, which is all apps.
HIDDEN = ("h", "help", "flagfile", "undefok")
FOLDERS = ("data_dir", "evaluate_dir", "workdir", "weights", "output", "bootstrap_from")


def parse(values: flags.FlagValues, argv: list[str], text: str | None) -> dict[str, Any]:
    """Parses a command line; `--help` and mistakes end the app.

    Args:
        values: The app's own `absl.flags.FlagValues`: apps share no flags, so that one process
            can import several.
        argv: List of strings, the command line.
        text: String, what `--help` prints above the flags and the presets.
    """
    if "help" not in values:
        own: dict[str, Any] = {"flag_values": values, "module_name": "Help"}
        flags.DEFINE_bool("help", False, "Show this help.", short_name="h", **own)
    try:
        options = read(values, argv)
    except ValueError as error:
        fail(argv, error)
    if values.help:
        rows = [f"\nPresets:\n{flag.explained}\n" for flag in _presets(values)]
        print("\n".join([_as_called(argv, text or "").strip(), *rows, str(values)]))
        sys.exit(0)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.set_verbosity(logging.WARNING)  # Backends tell absl which devices they did not find.
    return options


def read(values: flags.FlagValues, argv: list[str]) -> dict[str, Any]:
    """Reads a command line: its flags, behind them its preset's, behind those the defaults.

    Raises:
        ValueError: If a flag is unknown, or its value wrong.
    """
    values.unparse_flags()  # A process may run an app twice.
    try:
        rest = values(argv)
        for flag in _presets(values):
            flag.apply(values)
    except flags.Error as error:  # absl alone would answer a mistyped flag in several lines.
        raise ValueError(explained(error, values)) from error
    except UnicodeDecodeError as error:
        files = shortened(" ".join(word for word in argv if "flagfile" in word))
        raise ValueError(f"{FLAGFILE} Received: {files}, which is no text") from error
    if len(rest) > 1:
        words = shortened(" ".join(rest[1:]))
        raise ValueError(f"Options start with two dashes, see --help. Received: {words}")
    check_sane(values)
    options = {name: v for name, v in values.flag_values_dict().items() if name not in HIDDEN}
    for flag in _presets(values):
        options["scaling"] = flag.scaling
    return options


def _as_called(argv: list[str], text: str) -> str:
    """A text in which the app is named as the user has called it."""
    if not argv[0].startswith(CONSOLE):
        return text
    return re.sub(r"(^ +)python apps/\w+\.py", rf"\1{argv[0]}", text, flags=re.MULTILINE)


def _presets(values: flags.FlagValues) -> list[PresetFlag]:
    """The flag of presets, where the app has one."""
    every = [values[name] for name in values]
    return [flag for flag in every if isinstance(flag, PresetFlag)]


def fail(argv: list[str], error: str | Exception) -> NoReturn:
    """Ends an app with an error in one line, of characters that can be shown."""
    if launch.follows():
        launch.end_after_leader()
    if isinstance(error, BrokenPipeError):  # Who reads, `head` say, has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)  # What a shell says of SIGPIPE.
    text = " ".join(str(_with_hint(error)).split())
    shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    sys.exit(f"{_name(argv)}: {shown}")


def _name(argv: list[str]) -> str:
    return Path(argv[0]).name


def listening(argv: list[str], advice: str) -> contextlib.AbstractContextManager[None]:
    """Within it Ctrl-C and SIGTERM end the app in one line, `advice`."""
    return stopping.listening(_name(argv), advice)


def _with_hint(error: str | Exception) -> str | Exception:
    """Python and Keras name only the module that is missing."""
    if getattr(error, "name", None) in ("jax", "tensorflow", "torch"):
        return (
            f"The backend of Keras is not installed: choose an installed one of jax, tensorflow "
            f"and torch with the variable KERAS_BACKEND. Received: {error}"
        )
    if isinstance(error, ModuleNotFoundError):
        return f"Install what the apps need: `pip install keras-sam[apps]`. Received: {error}"
    return error


def command(values: flags.FlagValues, argv: list[str]) -> str:
    """The command line to keep beside the results: the flags as given, no path of the machine."""
    import keras  # Not before it is known that the command makes sense.

    script = argv[0] if argv[0].startswith(CONSOLE) else f"python apps/{Path(argv[0]).name}"
    return " ".join([f"KERAS_BACKEND={keras.backend.backend()} {script}", *given(values)])


def given(values: flags.FlagValues) -> list[str]:
    """The flags that a command line sets, quoted, no path of the machine."""
    present = [values[name] for name in values if values[name].present and name not in HIDDEN]
    # A flag that can be repeated serializes to a line for each time.
    lines = [line for flag in present for line in _without_machine(flag).splitlines()]
    return [shlex.quote(line) for line in lines]


def _without_machine(flag: flags.Flag) -> str:
    if flag.name in FOLDERS and flag.value:
        paths = flag.value if isinstance(flag.value, list) else [flag.value]
        return f"--{flag.name}={','.join(map(_without_folder, paths))}"
    if flag.name == "storage" and flag.value:  # With a host, and perhaps a password.
        return f"--{flag.name}={flag.value.partition(':')[0]}:..."
    return flag.serialize()


def _without_folder(path: str) -> str:
    """A path, or a name and a path as in `l2=FILE`, of which only the last part tells nothing."""
    name, equals, file = path.partition("=")
    if equals and not Path(path).is_absolute():
        return f"{name}={_without_folder(file)}"
    return f".../{Path(path).name}" if Path(path).is_absolute() else path


def keep_compiled(workdir: str | Path) -> None:
    """JAX compiles for each new model; from this folder it takes what another seed left there."""
    with contextlib.suppress(ImportError):  # Of a missing backend the app tells by itself.
        from keras_sam import backend

        backend.keep_compiled(Path(workdir).resolve() / ".jax_cache")


def train(values: flags.FlagValues, argv: list[str], text: str | None) -> None:
    """Runs a training app: what its flags ask for, to the table."""
    name = _name(argv)
    with launch.left_at_once(), listening(argv, GO_ON), launch.quiet_if_following(name):
        _train(values, argv, text)


def _train(values: flags.FlagValues, argv: list[str], text: str | None) -> None:
    options = parse(values, argv, text)
    with contextlib.ExitStack() as stack:
        try:
            # Imported here, so that --help and a mistyped flag need no backend.
            from keras_sam.experiments.training import comparison, listing, together

            if options["list"]:
                print(listing.listing(options["list"]))
                return
            keep_compiled(options["workdir"])
            together.check(options, argv[0])
            stack.enter_context(together.joined(options))
            planned = together.plan(options)
        except (ValueError, TypeError, OSError, ImportError) as error:
            fail(argv, error)
        with trouble_explained(argv):
            failed = comparison.run(planned, command(values, argv))
        report_failed(argv, failed)


def run(
    values: flags.FlagValues,
    argv: list[str],
    text: str,
    advice: str,
    work: Callable[[dict[str, Any], str], str],
) -> None:
    """Runs an app that prints what comes out; an error of the user's ends it in one line.

    Args:
        values: The app's own `absl.flags.FlagValues`.
        argv: List of strings, the command line.
        text: String, the app's help.
        advice: String, how to go on after a stop.
        work: Function of the options and of the command line to keep; returns what to print.
    """
    with listening(argv, advice):
        options = parse(values, argv, text)
        try:
            print(f"\n{work(options, command(values, argv))}", flush=True)
        except (ValueError, TypeError, OSError, ImportError) as error:
            fail(argv, error)


@contextlib.contextmanager
def trouble_explained(argv: list[str]) -> Iterator[None]:
    """What ends a training from outside ends the app in one line that says how to go on."""
    try:
        yield
    except RunError as error:
        fail(argv, error)
    except OSError as error:
        fail(argv, f"{error}. The same command with --resume goes on once this is mended.")


def report_failed(argv: list[str], failed: list[str]) -> None:
    """Ends the app if an error ended any of its runs."""
    if failed:
        fail(
            argv,
            "Failed, as the lines above say and a traceback in the run's error.txt; once that is "
            f"mended, the same command with --resume tries again: {'; '.join(failed)}",
        )
