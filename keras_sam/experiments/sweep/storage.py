"""Where the trials of a sweep are kept: a journal in the work directory, or a database.

Each of them knows in its own way which trials have stopped with their process.
"""

import contextlib
import hashlib
import re
import threading
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import optuna
import sqlalchemy
from filelock import FileLock, Timeout
from optuna.exceptions import StorageInternalError
from optuna.pruners import MedianPruner
from optuna.samplers import RandomSampler
from optuna.storages import BaseStorage, RDBStorage, fail_stale_trials
from optuna.storages.journal import JournalFileBackend, JournalStorage
from optuna.trial import FrozenTrial, Trial, TrialState

from keras_sam.checks import shortened, shown
from keras_sam.experiments.results.files import RunError
from keras_sam.experiments.sweep.points import Point, Space

JOURNAL = "study.log"
TRIAL_LOCK = "trial.lock"
NAME = "study.name"
Claimed = tuple[Trial, contextlib.AbstractContextManager]
COMPLETED = 3  # Points before any is pruned.
HEARTBEAT, GRACE = 20, 60  # Seconds between signs of life; without one, until a trial has stopped.


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
        self.lock = _lock(workdir)

    def study(self, search: str) -> optuna.Study:
        """See `Kept.study`."""
        path = self._workdir / JOURNAL
        if path.is_file():  # A full disk can leave half a line, behind which Optuna reads nothing.
            with open(path, "r+b") as file:
                file.truncate(file.read().rfind(b"\n") + 1)
        # Optuna's own lock would outlive a process that is killed, and cannot be taken twice.
        backend = JournalFileBackend(str(path), self.lock)  # type: ignore[arg-type]
        try:
            return _study(JournalStorage(backend), search)
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


class Database:
    """A database, in which each trial in training gives signs of life.

    Args:
        workdir: Path of the sweep's folder, which has the name of its studies.
        url: String, as SQLAlchemy has it.

    Raises:
        RunError: If the database cannot be opened.
    """

    waits = True

    def __init__(self, workdir: Path, url: str) -> None:
        self.lock = _lock(workdir)
        with self.lock, _quiet():
            self._name = _name(workdir)
            try:
                self._storage = RDBStorage(url, heartbeat_interval=HEARTBEAT, grace_period=GRACE)
            except Exception as error:  # Whatever another program's tables lead Optuna to.
                raise _refused(url, error) from error

    def study(self, search: str) -> optuna.Study:
        """See `Kept.study`."""
        digest = hashlib.sha256(search.encode()).hexdigest()[:8]
        return _study(self._storage, f"{self._name}-{digest}")

    def claim(self, study: optuna.Study, space: Space) -> Claimed:
        """See `Kept.claim`."""
        # A first sign of life before it is claimed: without any, it would never count as stopped.
        for waiting in study.get_trials(states=(TrialState.WAITING,)):
            self._storage.record_heartbeat(waiting._trial_id)
        with _quiet():
            trial = study.ask(space)
        return trial, self._alive(trial._trial_id)

    @contextlib.contextmanager
    def _alive(self, number: int) -> Iterator[None]:
        is_over = threading.Event()
        signs = threading.Thread(target=self._give_signs, args=(number, is_over), daemon=True)
        signs.start()
        try:
            yield
        finally:
            is_over.set()
            signs.join()

    def _give_signs(self, number: int, is_over: threading.Event) -> None:
        while not is_over.wait(HEARTBEAT):
            with contextlib.suppress(StorageInternalError):  # The next one may come through.
                self._storage.record_heartbeat(number)

    def fail_stopped(self, study: optuna.Study) -> None:
        """See `Kept.fail_stopped`."""
        with _quiet():
            fail_stale_trials(study)

    def forget(self) -> None:
        """See `Kept.forget`."""
        for name in optuna.get_all_study_names(self._storage):
            if name.startswith(f"{self._name}-"):
                optuna.delete_study(study_name=name, storage=self._storage)


def kept_in(workdir: Path, url: str | None) -> Kept:
    """What keeps the trials of a sweep.

    Args:
        workdir: Path of the sweep's folder, which is made where there is none.
        url: String, of a database; `None` for the journal.
    """
    workdir.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return Journal(workdir) if url is None else Database(workdir, url)


def check_url(url: str) -> None:
    """Refuses a database that cannot be opened.

    Raises:
        RunError: With the reason.
    """
    try:
        engine = sqlalchemy.create_engine(url)
        engine.connect().close()
        engine.dispose()
    except Exception as error:  # Each driver has its own.
        raise _refused(url, error) from error


@contextlib.contextmanager
def trouble_told() -> Iterator[None]:
    """What ends the connection to a database in the midst of a sweep ends the sweep in one line.

    Raises:
        RunError: With how to go on.
    """
    try:
        yield
    except StorageInternalError as error:
        raise RunError(
            "The database of --storage must be there until the end: the same command with "
            f"--resume goes on once it is. Received: {_reason(error)}"
        ) from error


def point_of(trial: FrozenTrial | Trial) -> Point:
    """The point of a trial."""
    return Point(trial.user_attrs["values"])


def _study(storage: BaseStorage, name: str) -> optuna.Study:
    return optuna.create_study(
        storage=storage,
        sampler=RandomSampler(),  # Never asked: what is tried is always in the queue first.
        pruner=MedianPruner(n_startup_trials=COMPLETED),
        study_name=name,
        direction="maximize",
        load_if_exists=True,
    )


def _quiet() -> contextlib.AbstractContextManager:
    """Optuna warns that heartbeats are new, and that only its own loop gives them."""
    return warnings.catch_warnings(action="ignore")


def _lock(workdir: Path) -> FileLock:
    return FileLock(workdir / f"{JOURNAL}.lock")


def _name(workdir: Path) -> str:
    """How the studies of a work directory begin, in a database that may have those of others."""
    path = workdir / NAME
    if not path.is_file():
        path.write_text(f"{workdir.resolve().name}-{uuid.uuid4().hex[:8]}")
    return path.read_text()


def _refused(url: str, error: Exception) -> RunError:
    where = re.sub(r"(?<=:).*", "…", url)  # There may be a password in it.
    return RunError(
        "--storage must be the URL of a database that can be opened, with its driver installed, "
        "as in sqlite:///study.db or postgresql+psycopg://host/name. "
        f"Received: --storage={where}: {_reason(error)}"
    )


def _reason(error: BaseException) -> str:
    """What a driver says of it, without what is wrapped around."""
    while inner := getattr(error, "orig", None) or error.__cause__:
        error = inner
    return shortened(str(error) or type(error).__name__)
