"""The trials of a sweep: a study of Optuna's in the work directory, shared by processes.

Optuna's journal is a file that several processes may add to, but it does not notice when one of
them is killed. So each trial in training holds the lock of its point's folder, which the system
frees with the process, however that ends: a trial that runs and whose lock is free was stopped,
and goes back in the queue.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path

import optuna
from filelock import FileLock, Timeout
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.storages.journal import JournalFileBackend, JournalStorage
from optuna.trial import FrozenTrial, Trial, TrialState

from keras_sam.checks import shown
from keras_sam.experiments.results.files import RunError
from keras_sam.experiments.sweep.points import Point, Space

JOURNAL = "study.log"
TRIAL_LOCK = "trial.lock"
FIRST = 3  # Random points a flag, before a search goes by what it heard.
DRAWS = 100  # A search that draws nothing new so many times has tried what there is.


class Study:
    """The points of a sweep, tried and to try.

    Args:
        workdir: Path of the sweep's folder.
        name: String, what is searched: another search in the same folder is another study.
        space: Dictionary from a flag's name to its distribution.
        tuner: `"random"` or `"bayesian"`, for what is not among the first points.
        count: Integer, how many points to try.
        first: List of `Point`, to try before any that the tuner asks for.
    """

    def __init__(
        self, workdir: Path, name: str, space: Space, tuner: str, count: int, first: list[Point]
    ) -> None:
        self._workdir, self._space, self._tuner, self._count = workdir, space, tuner, count
        workdir.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(workdir / f"{JOURNAL}.lock")
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        with self._lock:
            self._study = _opened(workdir / JOURNAL, self._lock, name)
            for point in first:
                if point not in self.points and len(self.points) < count:
                    self._queue(point)

    @property
    def points(self) -> list[Point]:
        """All points so far, in the order in which they came up."""
        found = {point.label: point for point in map(_point, self._trials())}
        return list(found.values())

    def measure(self, score: Callable[[Point], float]) -> None:
        """Measures one point after another that no other process has, until none is left.

        Args:
            score: Function of a `Point` that returns a float, the higher the better.
        """
        while (claimed := self._claim()) is not None:
            trial, lock = claimed
            with lock:
                self._study.tell(trial, score(_point(trial)))

    def _claim(self) -> tuple[Trial, contextlib.AbstractContextManager] | None:
        """The next trial for this process, and its lock; `None` if there is none."""
        with self._lock:
            self._put_back()
            if not self._trials(TrialState.WAITING):
                if (point := self._suggestion()) is None:
                    return None
                self._queue(point)
            trial = self._study.ask(self._space)
            # Where another study of this folder has the point, each of its runs still has a lock.
            return trial, self._taken(_point(trial)) or contextlib.nullcontext()

    def _put_back(self) -> None:
        """Queues again what a process left when it was stopped."""
        for trial in self._trials(TrialState.RUNNING):
            if (lock := self._taken(_point(trial))) is not None:
                with lock:
                    self._queue(_point(trial))
                    self._study.tell(trial.number, state=TrialState.FAIL)

    def _suggestion(self) -> Point | None:
        """A new point of the tuner's, the same one in whichever process and after any stop."""
        known = self.points
        if len(known) >= self._count:
            return None
        # In memory, so that what was tried before leaves no trace in the journal.
        sampler = _sampler(self._tuner, len(known), FIRST * len(self._space))
        copy = optuna.create_study(direction="maximize", sampler=sampler)
        copy.add_trials(self._trials(TrialState.COMPLETE))
        drawn = (Point.of(copy.ask(self._space).params) for _ in range(DRAWS))
        return next((point for point in drawn if point not in known), None)

    def _queue(self, point: Point) -> None:
        if point not in map(_point, self._trials(TrialState.WAITING)):
            parameters = point.parameters(self._space)
            self._study.enqueue_trial(parameters, user_attrs={"values": point.values})

    def _trials(self, *states: TrialState) -> list[FrozenTrial]:
        return self._study.get_trials(states=states or None)

    def _taken(self, point: Point) -> contextlib.AbstractContextManager | None:
        """The lock of a point, which is now this process's; `None` if another one has it."""
        folder = self._workdir / "points" / point.folder
        folder.mkdir(parents=True, exist_ok=True)
        try:
            return FileLock(folder / TRIAL_LOCK).acquire(blocking=False)
        except Timeout:
            return None


def _opened(path: Path, lock: FileLock, name: str) -> optuna.Study:
    if path.is_file():  # A full disk can leave half a line, behind which Optuna reads nothing.
        with open(path, "r+b") as file:
            file.truncate(file.read().rfind(b"\n") + 1)
    # Optuna's own lock would outlive a process that is killed, and cannot be taken twice.
    backend = JournalFileBackend(str(path), lock)  # type: ignore[arg-type]
    try:
        return optuna.create_study(
            storage=JournalStorage(backend),
            sampler=RandomSampler(),  # Never asked: what is tried is always in the queue first.
            study_name=name,
            direction="maximize",
            load_if_exists=True,
        )
    except OSError:
        raise
    except Exception as error:  # Whatever a line leads Optuna to.
        raise RunError(
            f"{path} must hold the trials of a sweep: delete the file, and what is trained is not "
            f"trained again. Received: {shown(error)}"
        ) from error


def _sampler(tuner: str, seed: int, num_random: int) -> BaseSampler:
    if tuner == "random":
        return RandomSampler(seed=seed)
    return TPESampler(seed=seed, n_startup_trials=num_random)


def _point(trial: FrozenTrial | Trial) -> Point:
    return Point(trial.user_attrs["values"])
