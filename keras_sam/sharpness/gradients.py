"""What several sharpness-aware methods make of one batch."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops

from keras_sam import backend, tensors
from keras_sam import methods as registry
from keras_sam.roles import roles_of
from keras_sam.sharpness.data import as_tensors
from keras_sam.sharpness.losses import Loss, check_has_loss, loss_function
from keras_sam.tensors import Batch, Tensor, Vector
from keras_sam.training.carriers import Context
from keras_sam.training.method_run import MethodRun
from keras_sam.training.oracle import GradientOracle
from keras_sam.training.scope import Scope

Method: TypeAlias = registry.Method
Others: TypeAlias = Sequence[str | Method] | Mapping[str, str | Method]

DEFAULT_RHO = 0.05


class Gradients:
    """The gradients of several methods, compiled once for batches of one shape.

    Args:
        model: See `keras_sam.sharpness.gradient_cosines`.
        others: See there.
        reference: See there.
        loss: See there.

    Example:

    >>> from keras_sam.sharpness.gradients import Gradients
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    >>> Gradients(model, ["asam"], "sam", "mse").labels
    ['asam']
    """

    def __init__(
        self, model: keras.Model, others: Others, reference: str | Method, loss: Loss | None
    ):
        check_has_loss(model, loss)
        named = others if isinstance(others, dict) else {_label(other): other for other in others}
        self.labels = list(named)
        self.methods = [_comparable(method) for method in (reference, *named.values())]
        self.model = model
        self._asked = _Asked(model, loss)
        self._roles = roles_of(model)
        # Methods may read its iterations and learning rate.
        self._optimizer = getattr(model, "optimizer", None) or keras.optimizers.SGD()
        # Arguments of what is compiled: training changes them from one call to the next.
        self._variables = [*model.variables, *self._optimizer.variables]
        self._compiled = backend.compiled(self._gradients)

    def cosines(self, batch: Batch, rho: float | None = None) -> dict[str, float]:
        """The cosines of `gradient_cosines`: dictionary from labels to floats."""
        reference, *others = self.of(batch, rho)
        return {
            label: _cosine(reference, other)
            for label, other in zip(self.labels, others, strict=True)
        }

    def of(self, batch: Batch, rho: float | None = None) -> list[np.ndarray]:
        """The gradients for a batch `(x, y, sample_weight)`, that of the reference first.

        Returns:
            List of float64 arrays, of all trainable weights in one vector.
        """
        values = tensors.values(self._variables)
        found = self._compiled(values, as_tensors(batch), ops.cast(self._radius(rho), "float32"))
        return [ops.convert_to_numpy(gradient).astype("float64") for gradient in found]

    def _radius(self, rho: float | None) -> float | Tensor:
        if rho is not None:
            return rho
        own = getattr(self.model, "current_rho", None)
        return DEFAULT_RHO if own is None else own()

    def _gradients(self, values: Vector, batch: Batch, rho: Tensor) -> Vector:
        state = backend.random_state()
        with Scope() as scope:
            scope.place(self._variables, values)
            return [self._gradient(method, batch, rho, state) for method in self.methods]

    def _gradient(self, method: Method, batch: Batch, rho: Tensor, state: Any) -> Tensor:
        oracle = GradientOracle(self._asked, batch, self._roles)
        try:
            outcome = MethodRun(method, oracle, Context(rho, self._optimizer)).outcome()
        finally:
            backend.set_random_state(state)  # Every method starts from it, and training goes on.
        flat = [ops.reshape(tensors.at_least_float32(g), (-1,)) for g in outcome.gradients]
        return ops.concatenate(flat)


class _Asked:
    """What a `GradientOracle` asks of a model, with a loss that need not be the compiled one."""

    def __init__(self, model: keras.Model, loss: Loss | None):
        self._model = model
        self._loss = loss_function(model, loss, training=True, additional_losses=True)

    def __call__(self, x: Tensor, training: bool) -> Tensor:
        return self._model(x, training=training)

    def compute_loss(
        self,
        x: Tensor,
        y: Tensor,
        y_pred: Tensor,
        sample_weight: Tensor | None,
        training: bool = True,
    ) -> Tensor:
        return self._loss(x, y, y_pred, sample_weight)


def _comparable(method: str | Method) -> Method:
    method = registry.get(method)
    if method.slots() or method.is_random or method.every > 1 or method.start or method.policy:
        raise ValueError(
            "Gradients can be compared of methods that give the same one for the same batch: "
            "without chance, state between steps or steps to skip, such as sam, second_order, "
            f"multistep or asam. Received: {method.name!r}"
        )
    return method


def _label(method: str | Method) -> str:
    return method if isinstance(method, str) else method.name


def _cosine(left: np.ndarray, right: np.ndarray) -> float:
    lengths = np.linalg.norm(left) * np.linalg.norm(right)
    return float(left @ right / lengths) if lengths else float("nan")
