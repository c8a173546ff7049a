"""The training that a faulty batch happens to."""

import math
from typing import Any

import keras
import numpy as np
from keras import layers

import keras_sam
from attacks.scenarios import LEARNING_RATE, Scenario, brief

BATCH = 8


class Training:
    """A small regression that a scenario happens to.

    Args:
        scenario: A `Scenario`.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        keras.utils.set_random_seed(1)
        is_scaled = scenario.guard == "loss scaling"
        self.base = _network("mixed_float16" if is_scaled else "float32")
        self.model = _wrapped(self.base, scenario)
        clip: dict[str, Any] = dict(scenario.clip)
        optimizer = keras.optimizers.SGD(
            LEARNING_RATE, gradient_accumulation_steps=scenario.accumulation, **clip
        )
        self.model.compile(optimizer, "mse", steps_per_execution=scenario.executed)
        self.draw = np.random.default_rng(7)
        self.kept: np.ndarray | None = None

    def clean(self, steps: int) -> int:
        """Trains on clean batches; returns on how many of them the method acted."""
        steps = math.ceil(steps / self.scenario.executed) * self.scenario.executed
        self._fit(*self._batches(steps))
        for metric in self.model.metrics:
            if metric.name == "perturbation_norm":
                return round(float(keras.ops.convert_to_numpy(metric.count)))
        return 0

    def faulty(self) -> None:
        """Trains on the faulty batch, or on as many as an execution has."""
        x, y, weight = self._batches(self.scenario.executed)
        where, value = self.scenario.where, self.scenario.value
        if where == "label":
            y[::BATCH] = value
        elif where == "input":
            x[:] = value
        elif where == "micro-batch":
            x[BATCH - 1 :: BATCH] = value
        elif where == "sample weight":
            weight[::BATCH] = value
        else:
            self.kept = self._spoil(value)
        self._fit(x, y, weight)

    def ordinary(self, factor: float) -> None:
        """Trains on an ordinary batch in the place of the faulty one, its labels times a factor."""
        x, y, weight = self._batches(self.scenario.executed)
        self._fit(x, y * factor, weight)

    def mend(self) -> None:
        """Puts back what `faulty` spoilt of the weights."""
        if self.kept is not None:
            self.base.trainable_variables[0].assign(self.kept)

    def values(self) -> dict[str, np.ndarray]:
        """Weights and states, by what they are and their path; without what counts steps."""
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        skipped = (optimizer.iterations, optimizer._learning_rate)
        memory = getattr(self.model, "memory", None)
        groups = {
            "weight": self.base.trainable_variables,
            "optimizer": [v for v in optimizer.variables if not any(v is s for s in skipped)],
            "state": []
            if memory is None
            else [v for v in memory.variables if "seed" not in v.path],
        }
        if self.scenario.where == "weight":  # Spoilt by us, not by the step.
            groups["weight"] = groups["weight"][1:]
        return {
            f"{kind} {number} {variable.path}": np.array(keras.ops.convert_to_numpy(variable.value))
            for kind, variables in groups.items()
            for number, variable in enumerate(variables)
        }

    def scale(self) -> float:
        """The factor of loss scaling; 0 without it."""
        scale = getattr(self.model.optimizer, "dynamic_scale", 0.0)
        return float(keras.ops.convert_to_numpy(scale))

    def guarded(self, before: float) -> bool:
        """Whether the last step was skipped."""
        skipped = getattr(self.model, "skipped_steps", None)
        if skipped is not None:  # An infinite weight may well give a finite step, behind a tanh.
            return float(keras.ops.convert_to_numpy(skipped.result())) == self.scenario.executed
        return 0 < self.scale() <= before / 2**self.scenario.executed

    def _batches(self, steps):
        x = self.draw.normal(size=(BATCH * steps, 4)).astype("float32")
        return x, x.sum(axis=1, keepdims=True), np.ones(len(x), "float32")

    def _fit(self, x, y, weight):
        options = {"batch_size": BATCH, "shuffle": False, "verbose": 0}
        self.model.fit(x, y, sample_weight=weight, **options)

    def _spoil(self, value):
        kernel = self.base.trainable_variables[0]
        kept = np.array(keras.ops.convert_to_numpy(kernel.value))
        kernel.assign(np.where(np.arange(kept.size).reshape(kept.shape) == 0, value, kept))
        return kept


def _network(policy):
    stack = [layers.Dense(5, activation="tanh", dtype=policy), layers.LayerNormalization()]
    stack.append(layers.Dense(1, dtype=policy))
    model = keras.Sequential([keras.Input((4,)), *stack])
    model.dtype_policy = keras.dtype_policies.get(policy)
    return model


def _wrapped(base, scenario):
    if scenario.method is None:
        return base
    skip: dict[str, Any] = {"skip_nonfinite": True} if scenario.guard == "skip" else {}
    return keras_sam.SAMModel(
        base,
        method=brief(scenario.method),
        num_batch_splits=scenario.splits,
        log_sharpness=True,
        **skip,
    )
