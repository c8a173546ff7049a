"""One training by several processes: the first leads, and tells the others what comes next."""

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import keras

from keras_sam import backend
from keras_sam.experiments import launch, stopping
from keras_sam.experiments.flags.checking import as_argument
from keras_sam.experiments.results.folder import RunFolder
from keras_sam.experiments.training import planning
from keras_sam.experiments.training.planning import Comparison
from keras_sam.experiments.training.run import train

SECONDS = 1800  # After which a process gives up waiting for another one in the midst of a training.


def check(options: dict[str, Any], script: str) -> None:
    """Refuses processes that would not train together what they were started for.

    Args:
        options: Dictionary of the app's flags.
        script: String, how the app was called.

    Raises:
        ValueError: If they would not.
    """
    everywhere, is_torch = options["distribute"] == "all", backend.name == "torch"
    if launch.processes() > 1 and not (everywhere and launch.backend() == backend.name):
        raise ValueError(
            f"Each of the {launch.processes()} processes would train the same for itself: add "
            f"--distribute=all and KERAS_BACKEND={launch.backend()}, with which they train "
            "together, or start the app once. Received: "
            f"{as_argument('distribute', options['distribute'])}, KERAS_BACKEND={backend.name}"
        )
    if launch.processes() > 1 and not is_torch:
        _check_local(options)
    if everywhere and is_torch and not launch.backend():
        raise ValueError(
            "PyTorch takes a process for each device: start the app as `torchrun "
            f"--nproc_per_node=2 {_called(script)} --distribute=all` with your other flags. "
            "Received: --distribute=all without torchrun"
        )


def _check_local(options: dict[str, Any]) -> None:
    """Refuses what looks at each process's own arrays, where JAX spreads them over all."""
    for name in ("average", "head_epochs"):
        if options.get(name):
            raise ValueError(
                f"--{name} is for one process on JAX, or several on PyTorch: leave it out. "
                f"Received: {as_argument(name, options[name])}"
            )


def _called(script: str) -> str:
    """An app as torchrun takes it."""
    is_file = script.endswith(".py")
    return f"apps/{Path(script).name}" if is_file else f"-m {script.replace('-', '_')}"


def joined(options: dict[str, Any]) -> AbstractContextManager[None]:
    """Within it the processes of a launcher, if there is one, know of each other.

    Args:
        options: Dictionary of the app's flags, which `check` has passed.
    """
    is_wanted = options["distribute"] == "all" and launch.backend() == backend.name
    return backend.joined(SECONDS) if is_wanted else contextlib.nullcontext()


def plan(options: dict[str, Any]) -> Comparison:
    """The plan of `planning.plan`, of the leader first, whose work directory it is.

    Raises:
        ValueError: If an option is wrong, whichever process finds it so; on all of them.
    """
    if launch.processes() == 1:
        return planning.plan(options)
    leads = not launch.follows()
    planned = _tried(planning.plan, options) if leads else ""
    _check_all(planned)
    planned = planned if leads else _tried(_followed, options)
    _check_all(planned)
    assert isinstance(planned, Comparison), "Else its error is known."
    return planned


def _followed(options: dict[str, Any]) -> Comparison:
    planned = planning.followed(options)
    if backend.name == "jax" and not planned.workdir.is_dir():  # Where checkpoints are read.
        raise ValueError(
            f"All processes of JAX must see the same work directory. Received: no {planned.workdir}"
        )
    return planned


def _tried(make: Callable[[dict[str, Any]], Comparison], options: dict[str, Any]) -> Any:
    """A plan, or the words of the error in its place."""
    try:
        return make(options)
    except (ValueError, TypeError, OSError, ImportError) as error:
        return str(error)


def _check_all(planned: Comparison | str) -> None:
    """Refuses on all processes what one of them refuses, and data that are not the same."""
    error, data = (planned, "") if isinstance(planned, str) else ("", repr(planned.dataset))
    told = backend.told_to_all({"error": error, "data": data})
    for process, facts in enumerate(told):
        if facts["error"]:
            raise ValueError(facts["error"] + (f" (in process {process})" if process else ""))
    found = sorted({facts["data"] for facts in told} - {""})
    if len(found) > 1:
        raise ValueError(f"All processes must have the same data. Received: {' and '.join(found)}")


def lead(folder: RunFolder | None) -> None:
    """Tells the processes that follow, if any, which run comes next.

    Args:
        folder: Its `RunFolder`; `None` where there is none any more.
    """
    backend.told_by_first(None if folder is None else str(folder.path))


def follow(comparison: Comparison) -> None:
    """Trains each run of which the leader tells.

    Args:
        comparison: The `Comparison` of this process.
    """
    folders = [folder for runs in comparison.runs.values() for folder in runs]
    settings = {str(folder.path): folder.settings for folder in folders}
    with stopping.after_step():
        while path := _next():
            train(Followed(path, settings[path]), comparison.dataset, "0")


def _next() -> str | None:
    try:
        return backend.told_by_first(None)
    except RuntimeError:  # The leader has ended, and said why.
        raise SystemExit(1) from None


class Followed(RunFolder):
    """The folder of a run that another process keeps: nothing is read from it or written."""

    def begin(self) -> None:
        """The leader does."""

    def add_environment(self, line: dict[str, str]) -> None:
        """The leader does."""

    @property
    def has_ended(self) -> bool:
        """The leader knows."""
        return False

    def restore(self, model: keras.Model) -> int:
        """On JAX all give a shared array its value; else the leader's come before the first step.

        Args:
            model: A compiled and built `keras.Model`.
        """
        return self._load_newest(model) if backend.name == "jax" else 0

    def complete_epoch(self, model: keras.Model, line: dict[str, Any]) -> None:
        """The leader does."""

    def keep_average(self, epoch: int, count: int, average: list) -> None:
        """The leader does."""

    def average(self, epoch: int) -> None:
        """The leader tells."""

    def finish(self, base_model: keras.Model) -> None:
        """The leader does."""
