"""The loss of one batch and its derivatives, compiled once as pure functions."""

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import TypeAlias

import keras
from keras import ops

from keras_sam import backend, tensors
from keras_sam.keras_hooks import layers_of
from keras_sam.sharpness.losses import ComputeLoss
from keras_sam.sharpness.masks import mask_of, with_mask
from keras_sam.sharpness.vectors import Layout
from keras_sam.tensors import Batch, Tensor, Vector
from keras_sam.training.scope import Pass

# From a point, other values, a batch and perhaps a vector.
Compiled: TypeAlias = Callable[..., tuple[Tensor, Tensor | None]]


class Evaluator:
    """Functions `(point, others, batch, …)` that give `(scalar, vector)` and change nothing.

    `point` is the flat vector of the chosen weights, `others` the values of all other variables:
    as arguments they may change, by training, without a new compilation. The scalar of a product
    is v'Hv.

    Args:
        model: The `keras.Model`.
        loss: Function `(x, y, predictions, sample_weight)` that gives a scalar tensor.
        variables: List of `keras.Variable`, the chosen weights.
        layout: Their `Layout`.
        training: Whether layers act as in training.
    """

    def __init__(
        self,
        model: keras.Model,
        loss: ComputeLoss,
        variables: list[keras.Variable],
        layout: Layout,
        training: bool,
    ):
        self.model = model
        self.compute_loss = loss
        self.variables = variables
        self.layout = layout
        self.training = training
        chosen = {id(variable) for variable in variables}
        self._modules = backend.wrapped_modules(layers_of(model))
        self._others = [v for v in model.variables if id(v) not in chosen]
        self.loss = backend.compiled(self._loss)
        self.gradient = backend.compiled(self._gradient)
        self.hessian_product = backend.compiled(self._hessian_product)
        self.gauss_newton_product = backend.compiled(self._gauss_newton_product)
        # Of a vector; `None` where they would take more than `room` bytes.
        self.kept_products = backend.kept_products(self._hessian_at, self._times, self._product)

    def others(self) -> Vector:
        """Current values of the variables that are not chosen."""
        return tensors.values(self._others)

    def _hessian_at(
        self, point: Tensor, others: Vector, batch: Batch
    ) -> Callable[[Vector], Vector]:
        @contextlib.contextmanager
        def placed(weights: Vector) -> Iterator[None]:
            with Pass() as scope:
                self._place(scope, others, weights)
                yield

        with Pass() as scope:
            function = functools.partial(self._value, scope, others, batch)
            return backend.hessian_at(function, self.layout.unflatten(point), placed)

    def _times(self, hessian: Callable[[Vector], Vector], vector: Tensor) -> Tensor:
        return self.layout.flatten(hessian(self.layout.unflatten(vector)))

    def _product(self, point: Tensor, others: Vector, batch: Batch, vector: Tensor) -> Tensor:
        return self._hessian_product(point, others, batch, vector)[1]

    def _loss(self, point: Tensor, others: Vector, batch: Batch) -> tuple[Tensor, None]:
        with Pass() as scope:
            loss, _ = self._value(scope, others, batch, self.layout.unflatten(point))
        return ops.cast(loss, self.layout.dtype), None

    def _gradient(self, point: Tensor, others: Vector, batch: Batch) -> tuple[Tensor, Tensor]:
        # Open until the gradient is there: on PyTorch rematerialised layers run again for it.
        with Pass() as scope:
            function = functools.partial(self._value, scope, others, batch)
            weights = self.layout.unflatten(point)
            loss, _, gradients = backend.value_and_gradient(function, weights)
        return ops.cast(loss, self.layout.dtype), self.layout.flatten(gradients)

    def _hessian_product(
        self, point: Tensor, others: Vector, batch: Batch, vector: Tensor
    ) -> tuple[Tensor, Tensor]:
        with Pass() as scope:
            function = functools.partial(self._value, scope, others, batch)
            weights, parts = self.layout.unflatten(point), self.layout.unflatten(vector)
            products = backend.hessian_vector_product(function, weights, parts)
        return self._with_curvature(vector, products)

    def _gauss_newton_product(
        self, point: Tensor, others: Vector, batch: Batch, vector: Tensor
    ) -> tuple[Tensor, Tensor]:
        weights, parts = self.layout.unflatten(point), self.layout.unflatten(vector)
        # Structure and masks, which the backends do not see.
        predictions: list[Tensor] = []
        masks: list[Tensor | None] = []
        with Pass() as scope:

            def network(weights: Vector) -> Vector:
                predictions[:] = [self._predict(scope, others, batch, weights)]
                outputs = keras.tree.flatten(predictions[0])
                masks[:] = map(mask_of, outputs)
                return outputs

            def loss(outputs: Vector) -> tuple[Tensor, tuple[()]]:
                # A scope of its own: what the network left is of a pass that is over.
                with Pass() as inner:
                    inner.place([*self._others, *self.variables], [*others, *weights])
                    masked = list(map(with_mask, outputs, masks))
                    packed = keras.tree.pack_sequence_as(predictions[0], masked)
                    return self._loss_of(batch, packed), ()

            products = backend.gauss_newton_vector_product(network, loss, weights, parts)
        return self._with_curvature(vector, products)

    def _with_curvature(self, vector: Tensor, products: Vector) -> tuple[Tensor, Tensor]:
        product = self.layout.flatten(products)
        return ops.sum(vector * product), product

    def _value(
        self, scope: Pass, others: Vector, batch: Batch, weights: Vector
    ) -> tuple[Tensor, tuple[()]]:
        return self._loss_of(batch, self._predict(scope, others, batch, weights)), ()

    def _predict(self, scope: Pass, others: Vector, batch: Batch, weights: Vector) -> Tensor:
        self._place(scope, others, weights)
        with backend.placed(self._modules):
            return self.model(batch[0], training=self.training)

    def _place(self, scope: Pass, others: Vector, weights: Vector) -> None:
        scope.place(self._others, others)
        scope.place(self.variables, weights)

    def _loss_of(self, batch: Batch, predictions: Tensor) -> Tensor:
        x, y, sample_weight = batch
        return self.compute_loss(x, y, predictions, sample_weight)
