"""What `log_sharpness` shows, in training and only there."""

import contextlib
import functools
from typing import Any

import keras

from keras_sam.backend.types import ModelMixin

MEASUREMENTS = ("sharpness", "grad_norm", "perturbation_norm")


class Measuring(ModelMixin):
    """Keeps the measurements out of evaluation, which perturbs nothing and would report 0."""

    _is_evaluating = False
    measurements: list = []  # noqa: RUF012 - `SAMModel` sets its own.

    @functools.wraps(keras.Model.evaluate)
    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        with self._without_measurements():
            return super().evaluate(*args, **kwargs)

    @functools.wraps(keras.Model.test_on_batch)
    def test_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        with self._without_measurements():
            return super().test_on_batch(*args, **kwargs)

    @contextlib.contextmanager
    def _without_measurements(self):
        self._is_evaluating = True
        try:
            yield
        finally:
            self._is_evaluating = False

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        hidden = {id(metric) for metric in self.measurements} if self._is_evaluating else set()
        return [metric for metric in super().metrics if id(metric) not in hidden]
