"""What every app does with its command line: flags, help, and errors in one line."""

import contextlib
import os
import shlex
import sys
from pathlib import Path

from absl import flags, logging

HIDDEN = ("h", "help", "flagfile", "undefok")
FOLDERS = ("data_dir", "workdir", "weights", "output")


def parse(values, argv, text):
    """Parses a command line; `--help` and mistakes end the app.

    Args:
        values: The app's own `absl.flags.FlagValues`: apps share no flags, so that one process
            can import several.
        argv: List of strings, the command line.
        text: String, what `--help` prints above the flags.

    Returns:
        Dictionary from a flag's name to its value.
    """
    if "help" not in values:
        flags.DEFINE_bool("help", False, "Show this help.", flag_values=values, short_name="h")
    values.unparse_flags()  # A process may run an app twice.
    try:
        rest = values(argv)
    except flags.Error as error:  # absl alone would answer a mistyped flag in several lines.
        fail(argv, error)
    if values.help:
        print(f"{text.strip()}\n\n{values}")
        sys.exit(0)
    if len(rest) > 1:
        fail(argv, f"Options start with two dashes, see --help. Received: {' '.join(rest[1:])}")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.set_verbosity(logging.WARNING)  # Backends tell absl which devices they did not find.
    return {name: value for name, value in values.flag_values_dict().items() if name not in HIDDEN}


def fail(argv, error):
    """Ends an app with an error in one line.

    Args:
        argv: List of strings, the command line.
        error: String or exception.
    """
    sys.exit(f"{Path(argv[0]).name}: {' '.join(str(_with_hint(error)).split())}")


def _with_hint(error):
    """Keras names only the module when its backend is missing."""
    if getattr(error, "name", None) in ("jax", "tensorflow", "torch"):
        return (
            f"The backend of Keras is not installed: choose an installed one of jax, tensorflow "
            f"and torch with the variable KERAS_BACKEND. Received: {error}"
        )
    return error


def command(values, argv):
    """The command line to keep beside the results: the flags as given, no path of the machine.

    Args:
        values: The app's `absl.flags.FlagValues`, parsed.
        argv: List of strings, the command line.

    Returns:
        String.
    """
    import keras  # Not before it is known that the command makes sense.

    script = f"KERAS_BACKEND={keras.backend.backend()} python apps/{Path(argv[0]).name}"
    return " ".join([script, *given(values)])


def given(values):
    """The flags that a command line sets, quoted, no path of the machine.

    Args:
        values: The app's `absl.flags.FlagValues`, parsed.

    Returns:
        List of strings.
    """
    present = [values[name] for name in values if values[name].present and name not in HIDDEN]
    # A flag that can be repeated serializes to a line for each time.
    lines = [line for flag in present for line in _without_machine(flag).splitlines()]
    return [shlex.quote(line) for line in lines]


def _without_machine(flag):
    if flag.name in FOLDERS and flag.value and Path(flag.value).is_absolute():
        return f"--{flag.name}=.../{Path(flag.value).name}"
    return flag.serialize()


def keep_compiled(workdir):
    """JAX compiles for each new model; from this folder it takes what another seed left there.

    Args:
        workdir: Path of the work directory.
    """
    cache = str(Path(workdir).resolve() / ".jax_cache")
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", cache)
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.2")


def train(values, argv, text, presets):
    """Runs a training app: what its flags ask for, to the table.

    Args:
        values: The app's `absl.flags.FlagValues`.
        argv: List of strings, the command line.
        text: String, what `--help` prints above the flags.
        presets: Dictionary from a name to its `Preset`.
    """
    options = parse(values, argv, text)
    keep_compiled(options["workdir"])
    try:
        # Imported here, so that --help and a mistyped flag need not wait for a backend.
        from keras_sam.experiments.training import comparison as _comparison
        from keras_sam.experiments.training import planning as _planning

        present = [name for name in options if values[name].present]
        comparison = _planning.plan(options, present, presets)
    except (ValueError, TypeError, OSError, ImportError) as error:
        fail(argv, error)
    with stops_explained(argv):
        failed = _comparison.run(comparison, command(values, argv))
    report_failed(argv, failed)


@contextlib.contextmanager
def stops_explained(argv):
    """What stops a training from outside ends the app in one line that says how to go on.

    Args:
        argv: List of strings, the command line.
    """
    try:
        yield
    except KeyboardInterrupt:
        fail(argv, "Stopped. The same command with --resume goes on from the last whole epoch.")
    except OSError as error:
        fail(argv, f"{error}. The same command with --resume goes on once this is mended.")


def report_failed(argv, failed):
    """Ends the app if an error ended any of its runs.

    Args:
        argv: List of strings, the command line.
        failed: List of strings, the names of the runs.
    """
    if failed:
        fail(
            argv,
            "Failed, with a traceback in the run's error.txt; the same command with --resume tries "
            f"again: {'; '.join(failed)}",
        )
