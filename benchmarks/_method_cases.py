"""The cases of the benchmark of all methods: what is built, and how many steps a turn has."""

import contextlib
import dataclasses
import math
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import keras
from _cases import LEARNING_RATE, NUM_CLASSES, Data

import keras_sam
from keras_sam import methods, models
from keras_sam.backend import fused_kernels
from keras_sam.methods.registry import ROWS

Turn: TypeAlias = Callable[[], tuple[float, ...]]  # Seconds by the clock and of the processors.

PLAIN = "plain"
ON_KERNELS = "plain, on our kernels"  # What a gradient costs where methods make theirs.
# Under this a method would be measured where it rests, or at another price than it is known for.
ARGUMENTS = {"late": {"start": 1}}
FURTHER = (("looksam", {"k": 5}), ("sam", {"ascent_fraction": 0.25}))
CYCLES = ("every", "k", "period", "interval")  # Options that make one step differ from the next.
LEAST_STEPS = 5


@dataclasses.dataclass(frozen=True)
class Case:
    """One row of the table.

    Args:
        method: Name from the registry, `PLAIN` or `ON_KERNELS`.
        arguments: Dictionary of the method's options that are not its defaults.
    """

    method: str
    arguments: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def label(self) -> str:
        """Name in the table, `"looksam k=5"`."""
        options = (f"{key}={value}" for key, value in self.arguments.items())
        return " ".join([self.method, *options])

    @property
    def gradients(self) -> str:
        """Gradient evaluations a step, in words."""
        if "ascent_fraction" in self.arguments:
            return "1 + ascent_fraction"
        return str(ROWS[self.method].cost) if self.method in ROWS else "1"

    @property
    def options(self) -> dict[str, Any]:
        """The method's options with their values."""
        return ROWS[self.method].own_options | self.arguments

    @property
    def work(self) -> float | None:
        """Gradients of the whole batch that a step asks for on average, `None` where a policy says.

        A forward pass counts as a third of one, a Hessian-vector product as two.
        """
        if self.method not in ROWS:
            return 1.0
        cost = ROWS[self.method].cost
        if "ascent_fraction" in self.arguments:
            return 1 + self.arguments["ascent_fraction"]
        if cost.by_policy:
            return None
        # `fit` has made the step 0 before a turn.
        return sum(self._work_of(cost, step) for step in range(1, 1 + self.steps)) / self.steps

    def _work_of(self, cost, step):
        if not cost.acts(self.options, step):
            return 1.0
        part = 0 if cost.per is None else self.options[cost.per]
        products = cost.hessian_products
        products = self.options[products] if isinstance(products, str) else products
        searched, option = cost.search or (0, None)
        forwards = cost.forwards + (searched if option and step % self.options[option] == 0 else 0)
        return cost.gradients + part + 2 * products + forwards / 3

    @property
    def steps(self) -> int:
        """Steps of a turn: whole cycles of a method that does not do the same on each step."""
        if self.method not in ROWS:
            return LEAST_STEPS
        numbers = [self.options[name] for name in CYCLES if isinstance(self.options.get(name), int)]
        cycle = math.lcm(*numbers)
        return cycle * math.ceil(LEAST_STEPS / cycle)


def cases(names: list[str]) -> list[Case]:
    """The rows of the table.

    Args:
        names: List of registry names, or `["all"]`.

    Returns:
        List of `Case`, without the plain one.
    """
    # A step of LoRA is none of the whole network, with which all are compared.
    whole = [name for name in methods.list() if not methods.get(name).ascent.needs_adapters]
    chosen = whole if names == ["all"] else names
    found = [Case(name, ARGUMENTS.get(name, {})) for name in chosen]
    return [
        Case(ON_KERNELS),
        *found,
        *(Case(name, more) for name, more in FURTHER if name in chosen),
    ]


def build(case: Case, model_name: str, batch_size: int, data: Data) -> Turn:
    """A compiled model of a case.

    Args:
        case: `Case`.
        model_name: Name from `keras_sam.models.list()`.
        batch_size: Integer, images a step.
        data: `(images, labels)` of a step more than a turn has.

    Returns:
        Function that trains for a turn and returns `(seconds by the clock, of the processors)`,
        both for one step.
    """
    model = models.get(model_name, data[0].shape[1:], NUM_CLASSES)
    if case.method in ROWS:
        method = methods.get(case.method, **case.arguments)
        model = keras_sam.SAMModel(model, method=method)
    model.compile(
        # Without momentum: some methods bring their own and accept no other.
        optimizer=keras.optimizers.SGD(LEARNING_RATE),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    steps = case.steps
    images, labels = (part[: (1 + steps) * batch_size] for part in data)
    watch = _Watch()
    kernels = fused_kernels if case.method == ON_KERNELS else contextlib.nullcontext

    def turn() -> tuple[float, ...]:
        # `fit` ends by reading the epoch's loss, so the device is done when it returns.
        with kernels():
            model.fit(images, labels, batch_size=batch_size, verbose=0, callbacks=[watch])
        return tuple(now - then for now, then in zip(_now(), watch.started, strict=True))

    return lambda: tuple(seconds / steps for seconds in turn())


class _Watch(keras.callbacks.Callback):
    """Starts the clocks after the first step, for which `fit` also sets up its data."""

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if batch == 0:
            float((logs or {})["loss"])  # Waits for the device.
            self.started = _now()


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()
