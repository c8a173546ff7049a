"""What a faulty batch is."""

import dataclasses
import inspect
import math

import keras
import numpy as np

import keras_sam
from keras_sam import methods

LEARNING_RATE = 0.05
CLIP = 1.0
WHERE = ("label", "input", "micro-batch", "weight", "sample weight")
VALUES = (math.nan, math.inf, -math.inf, 1e10, 1e25)
CLIPS: tuple[dict[str, float], ...] = (
    {},
    {},
    {"clipnorm": CLIP},
    {"clipvalue": CLIP},
    {"global_clipnorm": CLIP},
)
# An option of `SAMModel` that skips a step which is not finite, where there is one.
HAS_SKIP = "skip_nonfinite" in inspect.signature(keras_sam.SAMModel).parameters


@dataclasses.dataclass(frozen=True)
class Scenario:
    """A faulty batch.

    Args:
        method: Name from the registry; `None` for plain Keras.
        where: What is faulty, of `WHERE`.
        value: Float, what is put there.
        guard: `"none"`, `"loss scaling"` or `"skip"`, what skips a step that is not finite.
        splits: Integer or `None`, micro-batches.
        accumulation: Integer or `None`, batches an update.
        clip: Tuple of pairs, arguments of the optimizer.
        executed: Integer, steps an execution.
    """

    method: str | None
    where: str
    value: float
    guard: str
    splits: int | None
    accumulation: int | None
    clip: tuple[tuple[str, float], ...]
    executed: int

    def __str__(self) -> str:
        clip = ", ".join(f"{name}={value:g}" for name, value in self.clip) or "none"
        return (
            f"{self.method}: {self.value:g} in {self.where}, guard {self.guard}, splits "
            f"{self.splits}, accumulation {self.accumulation}, clip {clip}, "
            f"{self.executed} steps an execution"
        )

    def plain(self) -> "Scenario":
        """The same without any method."""
        return dataclasses.replace(self, method=None, splits=None)

    @property
    def longest(self) -> float | None:
        """Longest entry of a gradient that reaches the weights; `None` without a bound."""
        return CLIP if self.clip else None

    @property
    def displaces(self) -> bool:
        """Whether the method itself moves weights beside the optimizer."""
        return self.method is not None and brief(self.method).descent.displaces

    @property
    def by_policy(self) -> bool:
        """Whether the method decides by what it has seen on which steps it acts."""
        return self.method is not None and methods.get(self.method).policy is not None


def brief(name: str) -> methods.Method:
    """The method with options with which it does all that it does within a few steps."""
    method = methods.get(name)
    # A policy is to decide; the trials' options have it act always.
    return method if method.policy else methods.get(name, **methods.registry.ROWS[name].brief)


def drawn(draw: np.random.Generator) -> Scenario:
    """A random scenario."""
    names = [name for name in methods.list() if not methods.get(name).ascent.needs_adapters]
    name = str(draw.choice(names))
    is_torch = keras.backend.backend() == "torch"
    guards = ["none", "loss scaling", *(["skip"] if HAS_SKIP else [])]
    clip = CLIPS[draw.integers(len(CLIPS))]
    found = Scenario(
        method=name,
        where=WHERE[draw.integers(len(WHERE))],
        value=VALUES[draw.integers(len(VALUES))],
        guard=guards[draw.integers(len(guards))],
        splits=(None, None, 2, 3)[draw.integers(4)],
        accumulation=(None, None, None, 2)[draw.integers(4)],
        clip=tuple(clip.items()),
        executed=1 if draw.integers(4) or is_torch else 2,
    )
    if brief(name).descent.needs_plain_sgd:
        found = dataclasses.replace(found, accumulation=None, clip=())
    if brief(name).descent.needs_last_batch:
        found = dataclasses.replace(found, splits=None)
    return found
