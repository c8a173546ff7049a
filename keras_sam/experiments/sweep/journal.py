"""The trials of a sweep in Optuna's journal in the work directory, which is the default."""

import contextlib
from pathlib import Path

import optuna
from filelock import FileLock, Timeout
from optuna.storages.journal import JournalFileBackend, JournalStorage
from optuna.trial import FrozenTrial, Trial, TrialState

from keras_sam.checks import shown
from keras_sam.experiments.results.files import RunError
from keras_sam.experiments.sweep.kept import Claimed, lock_of, opened, point_of
from keras_sam.experiments.sweep.points import Space

JOURNAL = "study.log"
TRIAL_LOCK = "trial.lock"


class Journal:
    """A file in the work directory that several processes may add to.

    It does not notice when one of them is killed. So each trial in training holds the lock of its
    point's folder, which the system frees with the process, however that ends.

    Args:
        workdir: Path of the sweep's folder.
    """

    waits = False

    def __init__(self, workdir: Path) -> None:
        self._workdir = workdir
        self.lock = lock_of(workdir)

    def study(self, search: str) -> optuna.Study:
        """See `Kept.study`."""
        path = self._workdir / JOURNAL
        if path.is_file():  # A full disk can leave half a line, behind which Optuna reads nothing.
            with open(path, "r+b") as file:
                file.truncate(file.read().rfind(b"\n") + 1)
        # Optuna's own lock would outlive a process that is killed, and cannot be taken twice.
        backend = JournalFileBackend(str(path), self.lock)  # type: ignore[arg-type]
        try:
            return opened(JournalStorage(backend), search)
        except OSError:
            raise
        except Exception as error:  # Whatever a line leads Optuna to.
            raise RunError(
                f"{path} must hold the trials of a sweep: delete the file, and what is trained is "
                f"not trained again. Received: {shown(error)}"
            ) from error

    def claim(self, study: optuna.Study, space: Space) -> Claimed:
        """See `Kept.claim`."""
        trial = study.ask(space)
        # Where another study of this folder has the point, each of its runs still has a lock.
        return trial, self._taken(trial) or contextlib.nullcontext()

    def fail_stopped(self, study: optuna.Study) -> None:
        """See `Kept.fail_stopped`."""
        for trial in study.get_trials(states=(TrialState.RUNNING,)):
            if (lock := self._taken(trial)) is not None:
                with lock:
                    study.tell(trial.number, state=TrialState.FAIL)

    def forget(self) -> None:
        """See `Kept.forget`."""
        (self._workdir / JOURNAL).unlink(missing_ok=True)

    def _taken(self, trial: Trial | FrozenTrial) -> contextlib.AbstractContextManager | None:
        """The lock of a trial's point, which is now this process's; `None` if another has it."""
        folder = self._workdir / "points" / point_of(trial).folder
        folder.mkdir(parents=True, exist_ok=True)
        try:
            return FileLock(folder / TRIAL_LOCK).acquire(blocking=False)
        except Timeout:
            return None
