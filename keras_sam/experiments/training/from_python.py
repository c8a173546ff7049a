"""A training app's work, called from Python."""

import importlib
from typing import TYPE_CHECKING

from keras_sam.experiments.flags import command_line
from keras_sam.experiments.flags.checking import as_argument, check_known

if TYPE_CHECKING:  # What follows needs packages that a report or --help does without.
    from keras_sam.experiments.results.folder import RunFolder

APPS = ("train_resnet", "train_text", "finetune_efficientnet")


def train(app: str = "train_resnet", **flags: object) -> "list[RunFolder]":
    """Trains what the flags of a training app ask for, as its command would.

    Args:
        app: String, `"train_resnet"`, `"train_text"` or `"finetune_efficientnet"`. Defaults to
            `"train_resnet"`.
        **flags: The app's flags, which `python apps/train_resnet.py --help` explains, with its
            defaults; a list where the command has commas.

    Returns:
        List of the runs' `RunFolder`s, in the order of the table: `path`, `settings`, and
        `history()`, a dictionary of metrics for each epoch.

    Raises:
        ValueError: If a flag is unknown, its value wrong, or the work directory holds other runs.
        FileNotFoundError: If the data are missing.
        ImportError: If an optional package is missing.
        RuntimeError: If an error ended a run; its traceback is in the run's error.txt.

    Example:

    >>> import tempfile
    >>> from keras_sam import experiments
    >>> workdir = tempfile.mkdtemp()
    >>> runs = experiments.train(  # doctest: +ELLIPSIS
    ...     compare=["sgd", "sam:0.5"], num_train=64, epochs=1, workdir=workdir, verbose=0
    ... )
    convnet on digits (64 training images, ...
    >>> [run.path.parent.name for run in runs if run.history()[-1]["val_accuracy"] > 0]
    ['sgd', 'sam_rho_0.5']
    """
    check_known("app", app, APPS)
    values = importlib.import_module(f"keras_sam.experiments.flags.{app}").FLAGS
    argv = [f"{app}.py"]
    argv += [as_argument(name, value) for name, value in flags.items() if value is not None]
    options = command_line.read(values, argv)
    from keras_sam.experiments.training import comparison, planning, together

    together.check(options, argv[0])
    planned = planning.plan(options)
    failed = comparison.run(planned, command_line.command(values, argv))
    if failed:
        raise RuntimeError(f"See error.txt of these runs. Received: {'; '.join(failed)}")
    return [folder for folders in planned.runs.values() for folder in folders]
