"""The trials of a sweep in a database, where each of those in training gives signs of life."""

import contextlib
import hashlib
import re
import threading
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

import optuna
import sqlalchemy
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage, fail_stale_trials
from optuna.trial import TrialState

from keras_sam.checks import shortened
from keras_sam.experiments.results.files import RunError
from keras_sam.experiments.sweep.kept import Claimed, lock_of, opened
from keras_sam.experiments.sweep.points import Space

NAME = "study.name"
HEARTBEAT, GRACE = 20, 60  # Seconds between signs of life; without one, until a trial has stopped.


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
        self.lock = lock_of(workdir)
        with self.lock, _quiet():
            self._name = _name(workdir)
            try:
                self._storage = RDBStorage(url, heartbeat_interval=HEARTBEAT, grace_period=GRACE)
            except Exception as error:  # Whatever another program's tables lead Optuna to.
                raise _refused(url, error) from error

    def study(self, search: str) -> optuna.Study:
        """See `Kept.study`."""
        digest = hashlib.sha256(search.encode()).hexdigest()[:8]
        return opened(self._storage, f"{self._name}-{digest}")

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


def _quiet() -> contextlib.AbstractContextManager:
    """Optuna warns that heartbeats are new, and that only its own loop gives them."""
    return warnings.catch_warnings(action="ignore")


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
