"""What Keras's optimizers do with a gradient, and when AE-SAM acts, in NumPy."""

import keras
import numpy as np

RATES = [0.1, 0.05, 0.025]


def schedule():
    """The learning rate of `rate`, as Keras has it."""
    return keras.optimizers.schedules.PiecewiseConstantDecay([0, 2], RATES)


def rate(t):
    """The learning rate of update t."""
    return RATES[0] if t == 0 else RATES[1] if t <= 2 else RATES[2]


class Momentum:
    """SGD with momentum 0.9."""

    def __init__(self):
        self.velocity = 0

    def step(self, g, t):
        """What update t adds to the weights."""
        self.velocity = 0.9 * self.velocity - rate(t) * g
        return self.velocity


class Adam:
    """Adam with Keras's settings."""

    def __init__(self):
        self.m = self.v = 0

    def step(self, g, t):
        """What update t adds to the weights."""
        self.m = 0.9 * self.m + 0.1 * g
        self.v = 0.999 * self.v + 0.001 * g**2
        unbiased = np.sqrt(1 - 0.999 ** (t + 1)) / (1 - 0.9 ** (t + 1))
        return -rate(t) * unbiased * self.m / (np.sqrt(self.v) + 1e-7)


class LongGradients:
    """AE-SAM's policy."""

    def __init__(self, l1, l2, decay, total_steps):
        self.l1, self.l2, self.decay, self.total_steps = l1, l2, decay, total_steps
        self.mean = self.variance = 0
        self.acted = []

    def acts(self, g, t):
        """Whether SAM acts on update t, with the gradient g."""
        square, keep = g @ g, self.decay
        self.mean = keep * self.mean + (1 - keep) * square
        self.variance = keep * self.variance + (1 - keep) * (square - self.mean) ** 2
        done = 0.5 if self.total_steps is None else min(t / self.total_steps, 1)
        threshold = done * self.l1 + (1 - done) * self.l2
        self.acted.append(bool(square >= self.mean + threshold * np.sqrt(self.variance)))
        return self.acted[-1]
