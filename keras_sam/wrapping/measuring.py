"""What is shown beside the losses and metrics, in training and only there."""

import contextlib
import math
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_sam import backend, keras_hooks
from keras_sam.backend.types import ModelMixin, documented_as
from keras_sam.tensors import Tensor
from keras_sam.training.memory import ACTED

MEASUREMENTS = ("sharpness", "grad_norm", "perturbation_norm")


class Measuring(ModelMixin):
    """Keeps the measurements out of evaluation, which perturbs nothing and would report 0."""

    _is_evaluating = False
    # `SAMModel` sets its own.
    measurements: Sequence[keras.metrics.Metric] = ()
    skipped_steps: keras.metrics.Sum | None = None
    _processes = 0  # How many have started this training together.

    def _add_measurements(self, log_sharpness: bool, skip_nonfinite: bool) -> None:
        hidden = () if self.method.has_clean_loss else ("sharpness",)
        names = [name for name in MEASUREMENTS if name not in hidden]
        self.measurements = [keras.metrics.Mean(name=name) for name in names if log_sharpness]
        self.skipped_steps = keras.metrics.Sum(name="skipped_steps") if skip_nonfinite else None

    def count_skipped(self, is_made: bool | Tensor) -> None:
        """Counts a step, if it is not made, where the model skips some.

        Args:
            is_made: Bool tensor, or `True`.
        """
        if self.skipped_steps is not None:
            skipped = 1.0 - ops.cast(is_made, "float32")
            self.skipped_steps.update_state(skipped / backend.num_replicas())  # Which add it up.

    @documented_as(keras.Model.fit)
    def fit(self, *args: Any, **kwargs: Any) -> Any:
        before = self._at_present()
        self._processes = 0  # One of them may have loaded weights since.
        history = super().fit(*args, **kwargs)
        self._warn_of_idleness(before)
        losses = history.history.get("loss", [])
        if not (all(map(math.isfinite, losses)) and _are_finite(self._kept())):
            warnings.warn(
                "The training has left a loss, weights or an optimizer that are not finite: look "
                "at the data, lower the learning rate or rho, or build the SAMModel with "
                "skip_nonfinite=True, which skips such steps and counts them. "
                f"Received: loss={losses[-1:]}",
                stacklevel=2,
            )
        return history

    def _kept(self) -> list[keras.Variable]:
        """What a training leaves: the weights, and what the optimizer makes later steps of."""
        if keras_hooks.has_strategy(self):  # An optimizer's numbers are each replica's own.
            return self.trainable_variables
        return [*self.trainable_variables, *self.optimizer.variables]

    def _at_present(self) -> tuple[int, float, float]:
        """Updates made until now, the radius, and how often a policy has said yes."""
        if getattr(self, "optimizer", None) is None:
            return 0, 0.0, 0.0
        state = {} if self.memory is None else self.memory.state
        numbers = (self.optimizer.iterations, self.current_rho(), state.get(ACTED, 0.0))
        iterations, rho, acted = (float(ops.convert_to_numpy(number)) for number in numbers)
        return int(iterations), rho, acted

    def _warn_of_idleness(self, before: tuple[int, float, float]) -> None:
        """Says that the method has done nothing, which nothing else would show."""
        (first, rho, acted), (end, last_rho, last_acted) = before, self._at_present()
        if end <= first:
            return
        is_due = self.method.next_due(first) < end
        if not is_due or (self.method.policy is not None and acted == last_acted):
            advice = (
                "give its policy another threshold" if is_due else "lower its start or its every"
            )
            warnings.warn(
                f"The method acted on none of the updates {first} to {end - 1}: {advice}. "
                f"Received: {self.method!r}",
                stacklevel=3,
            )
        elif rho == last_rho == 0:
            warnings.warn(
                "rho was 0 when the training began and when it ended, so that no weight was "
                f"perturbed: give the method a radius. Received: {self.method!r}",
                stacklevel=3,
            )

    @documented_as(keras.Model.evaluate)
    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        with self._without_measurements():
            return super().evaluate(*args, **kwargs)

    @documented_as(keras.Model.test_on_batch)
    def test_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        with self._without_measurements():
            return super().test_on_batch(*args, **kwargs)

    @contextlib.contextmanager
    def _without_measurements(self) -> Iterator[None]:
        self._is_evaluating = True
        try:
            yield
        finally:
            self._is_evaluating = False

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        own = [*self.measurements, self.skipped_steps]
        hidden = {id(metric) for metric in own} if self._is_evaluating else set()
        return [metric for metric in super().metrics if id(metric) not in hidden]


def _are_finite(variables: Sequence[keras.Variable]) -> bool:
    """Whether all numbers are, looked at on the host: nothing is compiled for it."""
    values = (variable.value for variable in variables)
    # Of a JAX array that is cut up over several hosts this one has but a part.
    at_hand = (value for value in values if _is_at_hand(value))
    return all(np.isfinite(ops.convert_to_numpy(value)).all() for value in at_hand)


def _is_at_hand(value: Tensor) -> bool:
    is_whole = getattr(value, "is_fully_addressable", True)
    return is_whole or value.is_fully_replicated
