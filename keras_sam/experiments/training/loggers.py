"""Logs a run for other programs, beside its own `metrics.jsonl`."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any

import keras

from keras_sam.checks import import_extra
from keras_sam.experiments.results.folder import LOG, TENSORBOARD, RunFolder

PROJECT = "keras_sam"


def check(names: Sequence[str]) -> None:
    """Refuses a logger whose package is missing, before any training.

    Args:
        names: Sequence of keys of `LOGGERS`.

    Raises:
        ImportError: If it is so.
    """
    for name in names:
        if name != "csv":
            _package(name)


@contextlib.contextmanager
def opened(names: Sequence[str], folder: RunFolder, completed: int) -> Iterator[list[Any]]:
    """The callbacks that log a run, and what has to be closed after it.

    Args:
        names: Sequence of keys of `LOGGERS`.
        folder: The `RunFolder`.
        completed: Integer, epochs that an earlier process has logged.
    """
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(LOGGERS[name](folder, completed)) for name in names]


def _csv(folder: RunFolder, completed: int) -> AbstractContextManager:
    logger = keras.callbacks.CSVLogger(folder.path / LOG, append=completed > 0)
    return contextlib.nullcontext(logger)


def _tensorboard(folder: RunFolder, completed: int) -> AbstractContextManager:
    logger = keras.callbacks.TensorBoard(str(folder.path / TENSORBOARD), write_graph=False)
    return contextlib.nullcontext(logger)


@contextlib.contextmanager
def _wandb(folder: RunFolder, completed: int) -> Iterator[Any]:
    wandb = _package("wandb")
    name = _name(folder)
    # Under the same id a resumed run goes on.
    run = wandb.init(
        project=PROJECT,
        name=name,
        id=name.replace("/", "-"),
        resume="allow",
        config=folder.settings,
        dir=str(folder.path),
    )
    try:
        yield _package("wandb", ".integration.keras").WandbMetricsLogger()
    finally:
        run.finish()


@contextlib.contextmanager
def _mlflow(folder: RunFolder, completed: int) -> Iterator[Any]:
    mlflow = _package("mlflow")
    mlflow.set_experiment(PROJECT)
    with mlflow.start_run(run_name=_name(folder)):
        mlflow.log_params(folder.settings)
        yield _package("mlflow", ".keras").MlflowCallback()


def _package(name: str, module: str = "") -> ModuleType:
    return import_extra(f"{name}{module}", name, None)


def _name(folder: RunFolder) -> str:
    """The work directory, the method and the seed."""
    return "/".join(folder.path.absolute().parts[-3:])


LOGGERS: dict[str, Callable[[RunFolder, int], AbstractContextManager]] = {
    "csv": _csv,
    "tensorboard": _tensorboard,
    "wandb": _wandb,
    "mlflow": _mlflow,
}
