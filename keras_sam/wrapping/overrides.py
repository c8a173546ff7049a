"""What a base model does in a way of its own: called where it can be, else refused by name."""

import dis
import inspect
from typing import Any

import keras

from keras_sam import backend, checks
from keras_sam.backend.types import ModelMixin
from keras_sam.keras_hooks import has_inside, lent, loss_of, overrides
from keras_sam.tensors import Nested, Tensor
from keras_sam.wrapping.pipelines import is_of_pipeline, is_pipeline

# Methods of `keras.Model` that a class may bring and that a `SAMModel` would never call.
REFUSED = (
    *("fit", "evaluate", "train_on_batch", "test_on_batch"),
    *("make_train_function", "make_test_function"),
)
PREDICTING = ("predict", "predict_step", "make_predict_function")


def check_model(model: Any) -> None:
    """Refuse what is not a Keras model, or one whose own training would be skipped."""
    if not isinstance(model, keras.Model):
        raise TypeError(
            "model must be a keras.Model; wrap a layer in keras.Sequential first. "
            f"Received: {checks.received(model=model)}"
        )
    if getattr(model, "preprocessor", None) is not None and not is_pipeline(model):
        raise ValueError(
            "SAMModel calls the model directly and would skip its preprocessor. Wrap a model of "
            "the task's backbone and a head, or map task.preprocessor over the data and set "
            f"task.preprocessor = None. Received: model={model.name!r}"
        )
    described = f"Received: model={model.name!r} of class {type(model).__name__}"
    if overrides(model, "train_step"):
        raise ValueError(
            "SAMModel brings its own train_step, and the model's would be skipped. Put what is "
            "special about its training into compute_loss, which is kept, or keep the train_step "
            "and take the gradients in it from keras_sam.SAMStep(model); of a SAMModel, wrap the "
            f"base_model. {described}"
        )
    skipped = [name for name in REFUSED if overrides(model, name)]
    skipped = [name for name in skipped if not is_of_pipeline(model, name)]
    if skipped:
        raise ValueError(
            f"SAMModel would skip the model's own {' and '.join(skipped)}. Put what is special "
            "about it into compute_loss, compute_metrics, test_step or a callback, which are "
            f"kept. {described}"
        )
    if has_inside(model, Delegation):
        raise ValueError(
            "A SAMModel trains a whole model and is no part of another one: build that one of its "
            f"base_model, and wrap it. {described}"
        )


def check_weighing(model: keras.Model, method: str | None) -> None:
    """Refuses a loss of the model's own in which no example can weigh more than another.

    The loss of single examples is what it makes of their weights.
    """
    if overrides(model, "compute_loss") and _ignores(type(model).compute_loss, "sample_weight"):
        raise ValueError(
            f"The method {method!r} asks for the loss of single examples, and gets it through "
            "sample_weight: let the model's own compute_loss multiply each example's loss by it, "
            f"or take another method, such as 'sam'. Received: model={model.name!r} of class "
            f"{type(model).__name__}, whose compute_loss does not use its sample_weight"
        )


def _ignores(function: Any, name: str) -> bool:
    """Whether a function written in Python has an argument that it never reads."""
    code = getattr(function, "__code__", None)
    if code is None or name not in inspect.signature(function).parameters:
        return False
    read = (step.argval for step in dis.get_instructions(code) if step.opname.startswith("LOAD"))
    # Newer Pythons load two variables at once.
    return name not in code.co_cellvars and not any(
        name in (found if isinstance(found, tuple) else (found,)) for found in read
    )


class Delegation(ModelMixin):
    """Asks the base model where it overrides Keras's methods, and shows what it tracks."""

    base_model: keras.Model

    def _brings(self, *names: str) -> bool:
        return any(overrides(self.base_model, name) for name in names)

    def compute_loss(
        self,
        x: Tensor | None = None,
        y: Tensor | None = None,
        y_pred: Tensor | None = None,
        sample_weight: Tensor | None = None,
        training: bool = True,
    ) -> Tensor:
        if not self._brings("compute_loss"):
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        with lent(self, self.base_model) as base_model:
            return loss_of(base_model, x, y, y_pred, sample_weight, training)

    def compute_metrics(
        self, x: Tensor, y: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> dict[str, Any]:
        if not self._brings("compute_metrics"):
            return super().compute_metrics(x, y, y_pred, sample_weight)
        with lent(self, self.base_model) as base_model:
            logs = base_model.compute_metrics(x, y, y_pred, sample_weight)
        return {**self.get_metrics_result(), **logs}

    def get_metrics_result(self) -> dict[str, Any]:
        own = super().get_metrics_result()
        if not self._brings("get_metrics_result"):
            return own
        with lent(self, self.base_model) as base_model:
            return {**own, **base_model.get_metrics_result()}

    def reset_metrics(self) -> None:
        super().reset_metrics()
        if self._brings("reset_metrics"):
            with lent(self, self.base_model) as base_model:
                base_model.reset_metrics()

    def test_step(self, *args: Any) -> Any:
        if not self._brings("test_step"):
            return super().test_step(*args)
        with lent(self, self.base_model) as base_model:
            return backend.test_step_of(base_model, self, *args)

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        if not self._brings(*PREDICTING):
            return super().predict(*args, **kwargs)
        with lent(self, self.base_model) as base_model:
            return base_model.predict(*args, **kwargs)

    def predict_on_batch(self, x: Nested) -> Tensor:
        if not self._brings(*PREDICTING, "predict_on_batch"):
            return super().predict_on_batch(x)
        with lent(self, self.base_model) as base_model:
            return base_model.predict_on_batch(x)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        own = super().metrics
        with lent(self, self.base_model) as base_model:
            # Keras leaves out what a model inside a model tracks by itself.
            theirs = base_model.metrics
        seen = {id(metric) for metric in own}
        return own + [metric for metric in theirs if id(metric) not in seen]
