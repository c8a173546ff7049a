"""Loss and gradient of one batch at any weights, without touching a variable."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Self

import keras
from keras import ops

from keras_sam import backend, tensors
from keras_sam.backend.types import Gradients
from keras_sam.roles import Role
from keras_sam.tensors import Batch, Nested, Tensor, Vector
from keras_sam.training import batches
from keras_sam.training.carriers import Evaluation, FirstEvaluation, Trained
from keras_sam.training.scope import Pass, Scope, replayed

Weighting = Tensor | Callable[[Tensor], Tensor] | None
# The loss, the predictions and what was assigned.
Found = tuple[Tensor, Tensor, Vector]


class GradientOracle:
    """Answers what a method asks about a batch: loss, gradient, Hessian-vector products.

    Nothing is ever perturbed in place. The first evaluation owns the metrics, the BatchNorm
    statistics and the seeds; every other one starts from the same state, so that it sees the
    same dropout masks, and what it assigns is dropped.

    Args:
        model: The `SAMModel` in training.
        batch: `(x, y, sample_weight)`, nested tensors with a leading batch axis.
        roles: Sequence of `Role`, one for each trainable variable.
        loss_scale: Factor that multiplies the loss before it is differentiated, against
            underflow. The gradients that the oracle gives are free of it. Defaults to `None`.
        sync: What the processes of a training share, who ask the same at the same time: with
            `True` the loss and the gradients are their means, with `"mean"` the perturbations.
            Defaults to `False`, nothing.

    Attributes:
        next_values: Dict from the index of a variable that is overwritten with its gradient
            (float8 scales) to that of the latest evaluation.
    """

    def __init__(
        self,
        model: Trained,
        batch: Batch,
        roles: Sequence[Role],
        loss_scale: Tensor | None = None,
        sync: bool | str = False,
    ):
        self.model = model
        self.batch = batch
        self.all_roles = roles
        self.chosen = list(range(len(roles)))
        self.loss_scale = loss_scale
        self.sync = backend.num_processes() > 1 and sync
        self.frozen_offsets: Sequence[tuple[keras.Variable, Tensor]] = ()
        self.next_values: dict[int, Tensor] = {}
        self._random_state = backend.random_state()

    def restricted(self, chosen: list[int]) -> Self:
        """The same oracle as a function of the chosen weights only, the others held fixed.

        Args:
            chosen: Indices into the trainable variables.
        """
        return self._view(chosen=list(chosen))

    def on(self, batch: Batch) -> Self:
        """The same oracle for another batch."""
        return self._view(batch=batch)

    def asking(self, model: Trained) -> Self:
        """The same oracle with another loss, or other outputs, of the same weights."""
        return self._view(model=model)

    def amid(self, frozen_offsets: Sequence[tuple[keras.Variable, Tensor]]) -> Self:
        """The same oracle with something added to weights that are not trained.

        Args:
            frozen_offsets: Sequence of `(variable, offset)`.
        """
        return self._view(frozen_offsets=frozen_offsets)

    def examples(self, indices: Tensor) -> Self:
        """The same oracle for some examples of the batch.

        Args:
            indices: Integer tensor of shape `(examples,)`.
        """
        return self.on(batches.take(self.batch, indices))

    def _view(self, **attributes: Any) -> Self:
        view = object.__new__(type(self))
        view.__dict__.update({**self.__dict__, **attributes})
        return view

    @property
    def size(self) -> int | Tensor:
        """Number of examples: an int where it is known, else a scalar tensor."""
        return batches.batch_size(self.batch[0])

    @property
    def roles(self) -> list[Role]:
        """Roles of the weights that this oracle is a function of."""
        return [self.all_roles[index] for index in self.chosen]

    @property
    def _variables(self) -> list[keras.Variable]:
        return [role.variable for role in self.roles]

    @property
    def weights(self) -> Vector:
        """Current values of these weights: list of tensors."""
        return tensors.values(self._variables)

    def evaluate_first(
        self, offset: Vector | None = None, weighting: Weighting = None
    ) -> FirstEvaluation:
        """The evaluation that owns the batch's state: the first one, made once.

        Args:
            offset: As `perturbation` of `at`.
            weighting: As in `at`.
        """
        with Pass() as scope:
            outcome, found = self._value_and_gradient(scope, self.moved(offset), weighting)
        loss, predictions, values = outcome
        connected = [gradient for gradient in found if gradient is not None]
        return FirstEvaluation(
            tensors.at_least_float32(loss),
            self._unscaled(found),
            batch=self.batch,
            predictions=predictions,
            # The shorter one ends it: a weighted loss assigns once more after the values.
            updates=list(zip(scope.assigned.values(), values, strict=False)),
            is_connected=[gradient is not None for gradient in found],
            is_finite=None if self.loss_scale is None else tensors.is_finite(connected),
        )

    def at(
        self,
        perturbation: Vector | None = None,
        weighting: Weighting = None,
        training: bool = True,
    ) -> Evaluation:
        """Evaluation at `weights + perturbation`; what it assigns is dropped.

        Args:
            perturbation: List of tensors shaped as the weights; `None` for a weight that stays.
                Defaults to `None`, the weights as they are.
            weighting: Weights of the examples, of mean 1, for the gradient of a weighted loss,
                or a function from their losses to these; the loss itself stays the mean.
                Defaults to `None`.
            training: Whether layers such as BatchNorm and Dropout act as in training. Defaults
                to `True`.
        """
        return self.at_weights(self.moved(perturbation), weighting, training)

    def at_weights(
        self, weights: Vector, weighting: Weighting = None, training: bool = True
    ) -> Evaluation:
        """`at`, with the weights themselves.

        Args:
            weights: List of tensors.
            weighting: As in `at`.
            training: As in `at`.
        """
        with replayed(self._random_state), Pass() as scope:
            outcome, found = self._value_and_gradient(scope, weights, weighting, training)
        return Evaluation(tensors.at_least_float32(outcome[0]), self._unscaled(found))

    def moved(self, perturbation: Vector | None) -> Vector:
        """The weights plus a perturbation, as in `at`."""
        return self.weights if perturbation is None else tensors.add(self.weights, perturbation)

    def agreed(self, perturbation: Vector) -> Vector:
        """The perturbation, or the mean of all processes' where it is to be that.

        Where the batch is evaluated first (`origin`), is the same for all of them without.

        Args:
            perturbation: List of tensors, this process's.
        """
        if self.sync != "mean":
            return perturbation
        return backend.across_replicas(perturbation, [True] * len(perturbation))

    def hessian_vector_product(self, vector: Vector, perturbation: Vector | None = None) -> Vector:
        """Product of the loss's Hessian at `weights + perturbation` with a vector.

        Args:
            vector: List of tensors shaped as the weights.
            perturbation: As in `at`.
        """
        with replayed(self._random_state), Pass() as scope:
            loss = functools.partial(self._loss, scope)
            product = backend.hessian_vector_product(loss, self.moved(perturbation), vector)
        return self._unscaled(self._over_processes(product))

    def loss(self, perturbation: Vector | None = None) -> Tensor:
        """The loss at `weights + perturbation`, from a forward pass alone.

        Args:
            perturbation: As in `at`.
        """
        with replayed(self._random_state), Pass() as scope:
            loss, _, _ = self._loss(scope, self.moved(perturbation))[1]
        return tensors.at_least_float32(self._over_processes([loss])[0])

    def example_losses(self, perturbation: Vector | None = None) -> Tensor:
        """`losses_of` at `weights + perturbation`, from a forward pass alone.

        Args:
            perturbation: As in `at`.
        """
        with replayed(self._random_state), Pass() as scope:
            self._place(scope, self.moved(perturbation))
            return self.losses_of(self.model(self.batch[0], training=True))

    def losses_of(self, predictions: Tensor) -> Tensor:
        """Loss of each example for predictions that are there: shape `(batch,)`, float32."""
        with Pass() as scope:
            self._place(scope, self.weights)
            return batches.example_losses(self._compute_loss, self.batch, predictions)

    def _place(self, scope: Scope, weights: Vector) -> None:
        """Lets a scope have these weights, and the others as they are: regularisers read all."""
        held = [role.variable for role in self.all_roles if role.index not in self.chosen]
        scope.place(held, tensors.values(held))
        frozen = [variable for variable, _ in self.frozen_offsets]
        offsets = [offset for _, offset in self.frozen_offsets]
        scope.place(frozen, tensors.add(tensors.values(frozen), offsets))
        scope.place(self._variables, weights)

    def _value_and_gradient(
        self, scope: Scope, weights: Vector, weighting: Weighting, training: bool = True
    ) -> tuple[Found, Gradients]:
        """`((loss, predictions, values), gradients)`, within an open scope.

        On PyTorch rematerialised layers run again for the gradient: the scope must see that.
        """
        function = functools.partial(self._loss, scope, weighting=weighting, training=training)
        (loss, predictions, values), found = backend.value_and_gradient(function, weights)[1:]
        loss, *found = self._over_processes([loss, *found])
        return (loss, predictions, values), found

    def _over_processes(self, found: Gradients) -> Gradients:
        """Means over the processes of what this one has found."""
        if self.sync is not True:
            return found
        known = [tensor for tensor in found if tensor is not None]
        means = iter(backend.across_replicas(known, [True] * len(known)))
        return [None if tensor is None else next(means) for tensor in found]

    def _loss(
        self, scope: Scope, weights: Vector, weighting: Weighting = None, training: bool = True
    ) -> tuple[Tensor, Found]:
        """What is differentiated; beside it the loss, the predictions and what was assigned."""
        x, y, sample_weight = self.batch
        self._place(scope, weights)
        predictions = self.model(x, training=training)
        loss = self._compute_loss(x, y, predictions, sample_weight, training)
        values = [scope.get_current_value(variable) for variable in scope.assigned.values()]
        objective = loss
        if weighting is not None:
            weight = weighting(self.losses_of(predictions)) if callable(weighting) else weighting
            weight = batches.multiplied(sample_weight, ops.stop_gradient(weight))
            objective = self._compute_loss(x, y, predictions, weight, training)
        scaled = objective if self.loss_scale is None else ops.multiply(objective, self.loss_scale)
        return scaled, (loss, predictions, values)

    def _compute_loss(
        self,
        x: Nested,
        y: Nested,
        predictions: Tensor,
        sample_weight: Nested,
        training: bool = True,
    ) -> Tensor:
        loss = self.model.compute_loss(
            x=x, y=y, y_pred=predictions, sample_weight=sample_weight, training=training
        )
        replicas = backend.num_replicas()  # By which Keras has divided the loss.
        return loss if replicas == 1 else loss * replicas

    def _unscaled(self, gradients: Gradients) -> Vector:
        filled = []
        for index, gradient, variable in zip(self.chosen, gradients, self._variables, strict=True):
            if gradient is not None and variable.overwrite_with_gradient:
                # No gradient but a next value, with which no method must calculate.
                self.next_values[index] = gradient
                gradient = None
            filled.append(self._without_scale(gradient, variable))
        return filled

    def _without_scale(self, gradient: Tensor | None, variable: keras.Variable) -> Tensor:
        if gradient is None:
            return ops.zeros(variable.shape, variable.dtype)
        if self.loss_scale is None:
            return gradient
        return gradient / ops.cast(self.loss_scale, gradient.dtype)
