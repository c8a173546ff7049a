"""Loss and gradient of one batch at any weights, without touching a variable."""

import contextlib
import functools
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from keras_sam import backend, tensors


@dataclass(frozen=True)
class Evaluation:
    """Loss and gradient of the batch at one point.

    Args:
        loss: Scalar tensor, the loss that Keras would report.
        gradients: List of tensors, one for each weight that was differentiated.
    """

    loss: Any
    gradients: list


class WeightScope(keras.StatelessScope):
    """Weights to try: over the variables, and over the scope of a JAX step around it.

    Remembers what was assigned inside (BatchNorm statistics, seeds, metrics, a kernel that its
    layer normalises), so that an evaluation which counts can hand it on, and any other can
    drop it.
    """

    def __init__(self, variables):
        super().__init__(collect_losses=True)
        self.variables = variables
        self.assigned = {}

    def place(self, values):
        """From here on the variables have these values."""
        for variable, value in zip(self.variables, values, strict=True):
            super().add_update((variable, value))

    def get_current_value(self, variable):
        value = super().get_current_value(variable)
        if value is None and self.original_scope is not None:
            value = self.original_scope.get_current_value(variable)
        return value

    def add_update(self, update):
        super().add_update(update)
        self.assigned[id(update[0])] = update[0]


class GradientOracle:
    """Answers what a method asks about a batch: loss, gradient, Hessian-vector products.

    Nothing is ever perturbed in place. The clean evaluation owns the metrics, the BatchNorm
    statistics and the seeds; every other one starts from the same state, so that it sees the
    same dropout masks, and what it assigns is dropped.

    Args:
        model: The `SAMModel` in training.
        batch: `(x, y, sample_weight)`, nested tensors with a leading batch axis.
        roles: List of `Role`, one for each trainable variable.
        loss_scale: Factor that multiplies the loss before it is differentiated, against
            underflow. The gradients that the oracle gives are free of it. Defaults to `None`.
    """

    def __init__(self, model, batch, roles, loss_scale=None):
        self.model = model
        self.batch = batch
        self.all_roles = roles
        self.chosen = list(range(len(roles)))
        self.loss_scale = loss_scale
        self.loss = None
        self.predictions = None
        self.is_connected = None
        self.is_finite = None
        self._updates = []
        self._random_state = backend.random_state()

    def over(self, chosen):
        """The same oracle as a function of the chosen weights only, the others held fixed.

        Args:
            chosen: Indices into the trainable variables.
        """
        view = object.__new__(type(self))
        view.__dict__.update(self.__dict__, chosen=list(chosen))
        return view

    @property
    def roles(self):
        """Roles of the weights that this oracle is a function of."""
        return [self.all_roles[index] for index in self.chosen]

    @property
    def variables(self):
        """The variables of these weights."""
        return [role.variable for role in self.roles]

    @property
    def weights(self):
        """Current values of these variables: list of tensors."""
        return [ops.convert_to_tensor(variable.value) for variable in self.variables]

    def clean(self):
        """Evaluation at the weights as they are; keeps the predictions and the state it leaves."""
        _, outcome, gradients = self._differentiated(backend.value_and_gradient, self.weights)
        self.loss, self.predictions, values = outcome
        self._updates = list(zip(self._assigned, values, strict=True))
        self.is_connected = [gradient is not None for gradient in gradients]
        if self.loss_scale is not None:
            self.is_finite = tensors.is_finite([g for g in gradients if g is not None])
        return self._evaluation(self.loss, gradients)

    def at(self, perturbation):
        """Evaluation at `weights + perturbation`.

        Args:
            perturbation: List of tensors shaped as the weights; `None` for a weight that stays.
        """
        with _replayed(self._random_state):
            _, outcome, gradients = self._differentiated(
                backend.value_and_gradient, tensors.add(self.weights, perturbation)
            )
        return self._evaluation(outcome[0], gradients)

    def hessian_vector_product(self, vector):
        """Product of the loss's Hessian at the weights with `vector`, a list of tensors."""
        with _replayed(self._random_state):
            product = self._differentiated(backend.hessian_vector_product, self.weights, vector)
        return self._unscaled(product)

    def commit(self):
        """Hand what the clean evaluation assigned to the variables."""
        for variable, value in self._updates:
            variable.assign(value)

    def _differentiated(self, differentiate, weights, *vector):
        # Open until the gradient is there: on PyTorch rematerialised layers run again for it.
        with WeightScope(self.variables) as scope:
            return differentiate(functools.partial(self._loss, scope), weights, *vector)

    def _loss(self, scope, weights):
        x, y, sample_weight = self.batch
        scope.place(weights)
        predictions = self.model(x, training=True)
        loss = self.model.compute_loss(
            x=x, y=y, y_pred=predictions, sample_weight=sample_weight, training=True
        )
        self._assigned = list(scope.assigned.values())
        values = [scope.get_current_value(variable) for variable in self._assigned]
        if backend.num_replicas() > 1:
            loss = loss * backend.num_replicas()
        scaled = loss if self.loss_scale is None else ops.multiply(loss, self.loss_scale)
        return scaled, (loss, predictions, values)

    def _evaluation(self, loss, gradients):
        return Evaluation(tensors.at_least_float32(loss), self._unscaled(gradients))

    def _unscaled(self, gradients):
        filled = [
            ops.zeros(variable.shape, variable.dtype) if gradient is None else gradient
            for gradient, variable in zip(gradients, self.variables, strict=True)
        ]
        if self.loss_scale is None:
            return filled
        return [
            gradient
            if variable.overwrite_with_gradient
            else gradient / ops.cast(self.loss_scale, gradient.dtype)
            for gradient, variable in zip(filled, self.variables, strict=True)
        ]


@contextlib.contextmanager
def _replayed(state):
    """Runs a block from a given random state and leaves the generators as they were."""
    later = backend.random_state()
    backend.set_random_state(state)
    try:
        yield
    finally:
        backend.set_random_state(later)
