"""Auto-PGD: projected gradient ascent with momentum that chooses its own step size.

    z       = project(x + alpha * direction)
    x_next  = project(x + 0.75 (z - x) + 0.25 (x - x_last))

At checkpoints that come closer and closer the step size is halved, and the search goes on from
the best point, where too few steps improved or where neither step size nor best value changed.
"""

import math
from typing import Protocol

import numpy as np

from keras_sam.sharpness.projection import Ball

IMPROVING = 0.75  # Share of the steps that must have improved.


class Surface(Protocol):
    """A loss over the offsets from some weights, such as an `Objective`."""

    @property
    def size(self) -> int:
        """Number of weights."""

    def loss_and_gradient(self, offset: np.ndarray) -> tuple[float, np.ndarray]:
        """Both at `weights + offset`."""


def checkpoints(steps: int) -> set[int]:
    """Numbers of steps after which the step size is looked at.

    Args:
        steps: Positive integer, the budget.

    Returns:
        Set of ints.
    """
    before, percent, found = 0, 22, set()
    while percent < 100:
        found.add(math.ceil(percent * steps / 100))
        before, percent = percent, percent + max(percent - before - 3, 6)
    return found


def ascend(objective: Surface, ball: Ball, steps: int) -> tuple[np.ndarray, float]:
    """The largest loss found in a ball.

    Reference:
        Croce and Hein, Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse
        Parameter-free Attacks, ICML 2020 (https://arxiv.org/abs/2003.01690).

    Args:
        objective: An `Objective`, or another `Surface`.
        ball: A `keras_sam.sharpness.projection.Ball`.
        steps: Positive integer.

    Returns:
        `(offset, rise)`: an array (size,), and the loss there less that at the weights.
    """
    search = _Search(objective, ball)
    clean = search.loss
    due = checkpoints(steps)
    for step in range(1, steps + 1):
        search.move()
        if step in due:
            search.look_back()
    return search.best[1], search.best[0] - clean


class _Search:
    def __init__(self, objective: Surface, ball: Ball):
        self.objective = objective
        self.ball = ball
        self.step_size = 2 * ball.rho
        self.point = np.zeros(objective.size)
        self.before: np.ndarray | None = None
        self.loss, self.gradient = objective.loss_and_gradient(self.point)
        self.best = (self.loss, self.point, self.gradient)
        self._start_period(is_halved=False)

    def _start_period(self, is_halved: bool) -> None:
        self.moves = self.improvements = 0
        self.is_halved = is_halved
        self.best_before = self.best[0]

    def move(self) -> None:
        """One step, which may go downhill."""
        ahead = self.ball.project(self.point + self.step_size * self.ball.direction(self.gradient))
        if self.before is not None:
            momentum = 0.75 * (ahead - self.point) + 0.25 * (self.point - self.before)
            ahead = self.ball.project(self.point + momentum)
        self.before, self.point = self.point, ahead
        last = self.loss
        self.loss, self.gradient = self.objective.loss_and_gradient(self.point)
        self.moves += 1
        self.improvements += self.loss > last
        if self.loss > self.best[0]:
            self.best = (self.loss, self.point, self.gradient)

    def look_back(self) -> None:
        """Halves the step size where the last period went badly."""
        is_stuck = not self.is_halved and self.best[0] == self.best_before
        if is_stuck or self.improvements < IMPROVING * self.moves:
            self.step_size /= 2
            self.loss, self.point, self.gradient = self.best
            self.before = self.point
            self._start_period(is_halved=True)
        else:
            self._start_period(is_halved=False)
