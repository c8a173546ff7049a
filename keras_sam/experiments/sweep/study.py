"""The trials of a sweep: a study of Optuna's, shared by processes.

A trial that has stopped with its process goes back in the queue.
"""

import contextlib
import time
from collections.abc import Callable
from typing import Any

import optuna
from optuna.exceptions import OptunaError
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, Trial, TrialState

from keras_sam.experiments.sweep.kept import Claimed, Kept, point_of
from keras_sam.experiments.sweep.points import Point, Space

FIRST = 3  # Random points a flag, before a search goes by what it heard.
DRAWS = 100  # A search that draws nothing new so many times has tried what there is.
PATIENCE = 2.0  # Seconds between two looks at what other processes do.


class Study:
    """The points of a sweep, tried and to try.

    Args:
        kept: What keeps the trials.
        search: String, what is searched: another search in the same folder is another study.
        space: Dictionary from a flag's name to its distribution.
        tuner: `"random"` or `"bayesian"`, for what is not among the first points.
        count: Integer, how many points to try.
        first: List of `Point`, to try before any that the tuner asks for.
    """

    def __init__(
        self, kept: Kept, search: str, space: Space, tuner: str, count: int, first: list[Point]
    ) -> None:
        self._kept, self._space, self._tuner, self._count = kept, space, tuner, count
        self._trial: Trial | None = None  # In training here.
        with kept.lock:
            self._study = kept.study(search)
            for point in first:
                if point not in self.points and len(self.points) < count:
                    self._queue(point)

    @property
    def points(self) -> list[Point]:
        """All points so far, in the order in which they came up."""
        found = {point.label: point for point in map(point_of, self._trials())}
        return list(found.values())

    @property
    def pruned(self) -> list[Point]:
        """The points that were ended early."""
        return [point_of(trial) for trial in self._trials(TrialState.PRUNED)]

    def lags(self, value: float, step: int) -> bool:
        """Whether the point in training is worse than the median of those before at this step.

        Args:
            value: Float, the higher the better.
            step: Integer.
        """
        # What others took for stopped, or a database that is away, is no reason to end it.
        with contextlib.suppress(OptunaError):
            if self._trial is not None:
                self._trial.report(value, step)
                return self._trial.should_prune()
        return False

    def measure(self, score: Callable[[Point], float | None], waits: bool = False) -> None:
        """Measures one point after another that no other process has, until none is left.

        Args:
            score: Function of a `Point` that returns a float, the higher the better, or `None` of
                a point that was ended early.
            waits: Whether to wait for what others measure, and to measure what they leave.
                Defaults to `False`.
        """
        while True:
            if (claimed := self._claim()) is not None:
                self._measure(*claimed, score)
            elif waits and self._trials(TrialState.RUNNING):
                time.sleep(PATIENCE)  # What stops in another process comes back.
            else:
                return

    def _measure(
        self,
        trial: Trial,
        in_training: contextlib.AbstractContextManager[Any],
        score: Callable[[Point], float | None],
    ) -> None:
        with in_training:
            self._trial = trial
            value = score(point_of(trial))
            self._trial = None
            state = TrialState.PRUNED if value is None else TrialState.COMPLETE
            # Where others took it for stopped, it is told by them.
            self._study.tell(trial, value, state=state, skip_if_finished=True)

    def _claim(self) -> Claimed | None:
        """The next trial for this process; `None` if there is none."""
        with self._kept.lock:
            self._put_back()
            if not self._trials(TrialState.WAITING):
                if (point := self._suggestion()) is None:
                    return None
                self._queue(point)
            return self._kept.claim(self._study, self._space)

    def _put_back(self) -> None:
        """Queues again what a process left when it was stopped."""
        self._kept.fail_stopped(self._study)
        tried = [t for t in self._trials() if t.state != TrialState.FAIL]
        for point in self.points:
            if point not in map(point_of, tried):
                self._queue(point)

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
        if point not in map(point_of, self._trials(TrialState.WAITING)):
            parameters = point.parameters(self._space)
            self._study.enqueue_trial(parameters, user_attrs={"values": point.values})

    def _trials(self, *states: TrialState) -> list[FrozenTrial]:
        return self._study.get_trials(states=states or None)


def _sampler(tuner: str, seed: int, num_random: int) -> BaseSampler:
    if tuner == "random":
        return RandomSampler(seed=seed)
    return TPESampler(seed=seed, n_startup_trials=num_random)
