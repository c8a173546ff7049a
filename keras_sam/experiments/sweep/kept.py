"""What keeps the trials of a sweep, whichever it is."""

import contextlib
from pathlib import Path
from typing import Protocol

import optuna
from filelock import FileLock
from optuna.pruners import MedianPruner
from optuna.samplers import RandomSampler
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, Trial

from keras_sam.experiments.sweep.points import Point, Space

LOCK = "study.log.lock"
COMPLETED = 3  # Points before any is pruned.
Claimed = tuple[Trial, contextlib.AbstractContextManager]


class Kept(Protocol):
    """What keeps the trials of a sweep."""

    lock: FileLock  # Of the process that claims a trial.
    waits: bool  # Whether only time tells which trials of other processes have stopped.

    def study(self, search: str) -> optuna.Study:
        """The study of what is searched, which is made where there is none."""

    def claim(self, study: optuna.Study, space: Space) -> Claimed:
        """The next trial of those that wait, and within what others know that it is in training."""

    def fail_stopped(self, study: optuna.Study) -> None:
        """Notes which trials have stopped with their process."""

    def forget(self) -> None:
        """Removes all studies of the work directory."""


def point_of(trial: FrozenTrial | Trial) -> Point:
    """The point of a trial."""
    return Point(trial.user_attrs["values"])


def opened(storage: BaseStorage, name: str) -> optuna.Study:
    """The study of a name, which is made where there is none.

    Args:
        storage: Of Optuna's.
        name: String.
    """
    return optuna.create_study(
        storage=storage,
        sampler=RandomSampler(),  # Never asked: what is tried is always in the queue first.
        pruner=MedianPruner(n_startup_trials=COMPLETED),
        study_name=name,
        direction="maximize",
        load_if_exists=True,
    )


def lock_of(workdir: Path) -> FileLock:
    """The lock of the process that changes what a work directory has of a study.

    Args:
        workdir: Path of the sweep's folder.
    """
    return FileLock(workdir / LOCK)
