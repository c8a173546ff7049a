"""Loss and gradient of one batch at any weights, without touching a variable."""

import contextlib
import functools

from keras import ops

from keras_sam import backend, tensors
from keras_sam.training import batches, examples
from keras_sam.training.evaluation import Evaluation, First
from keras_sam.training.scope import Scope


class GradientOracle:
    """Answers what a method asks about a batch: loss, gradient, Hessian-vector products.

    Nothing is ever perturbed in place. The first evaluation owns the metrics, the BatchNorm
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
        self.first = First()
        self._random_state = backend.random_state()

    def over(self, chosen):
        """The same oracle as a function of the chosen weights only, the others held fixed.

        Args:
            chosen: Indices into the trainable variables.
        """
        return self._view(chosen=list(chosen))

    def on(self, batch):
        """The same oracle for another batch."""
        return self._view(batch=batch)

    def examples(self, indices):
        """The same oracle for some examples of the batch.

        Args:
            indices: Integer tensor of shape `(examples,)`.
        """
        return self.on(batches.take(self.batch, indices))

    def _view(self, **attributes):
        view = object.__new__(type(self))
        view.__dict__.update({**self.__dict__, **attributes})
        return view

    @property
    def size(self):
        """Number of examples: an int where it is known, else a scalar tensor."""
        return batches.batch_size(self.batch[0])

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
        return tensors.values(self.variables)

    def at(self, perturbation=None, weighting=None, training=True):
        """Evaluation at `weights + perturbation`; the first one of a batch owns its state.

        Args:
            perturbation: List of tensors shaped as the weights; `None` for a weight that stays.
                Defaults to `None`, the weights as they are.
            weighting: Weights of the examples, of mean 1, for the gradient of a weighted loss,
                or a function from their losses to these; the loss itself stays the mean.
                Defaults to `None`.
            training: Whether layers such as BatchNorm and Dropout act as in training. Defaults
                to `True`.
        """
        run = functools.partial(
            self._differentiated, backend.value_and_gradient, self._point(perturbation)
        )
        options = {"weighting": weighting, "training": training}
        if self.first.loss is None:
            _, outcome, gradients = run(**options)
            self._keep(outcome, gradients)
        else:
            with replayed(self._random_state):
                _, outcome, gradients = run(**options)
        return Evaluation(tensors.at_least_float32(outcome[0]), self._unscaled(gradients))

    def hessian_vector_product(self, vector):
        """Product of the loss's Hessian at the weights with `vector`, a list of tensors."""
        with replayed(self._random_state):
            product = self._differentiated(backend.hessian_vector_product, self.weights, vector)
        return self._unscaled(product)

    def example_losses(self, perturbation=None):
        """Loss of each example at `weights + perturbation`, from a forward pass alone.

        Args:
            perturbation: As in `at`.

        Returns:
            Tensor of shape `(batch,)`, as `losses_of`.
        """
        x, _, _ = self.batch
        with replayed(self._random_state), Scope(collect_losses=True) as scope:
            scope.place(self.variables, self._point(perturbation))
            return self.losses_of(self.model(x, training=True))

    def losses_of(self, predictions):
        """Loss of each example for predictions that are there: shape `(batch,)`, float32."""
        return examples.losses(self._compute_loss, self.batch, predictions)

    def _point(self, perturbation):
        return self.weights if perturbation is None else tensors.add(self.weights, perturbation)

    def _keep(self, outcome, gradients):
        loss, predictions, values = outcome
        updates = list(zip(self._assigned, values, strict=True))
        connected = [gradient for gradient in gradients if gradient is not None]
        vars(self.first).update(
            batch=self.batch,
            loss=loss,
            predictions=predictions,
            updates=updates,
            is_connected=[gradient is not None for gradient in gradients],
            is_finite=None if self.loss_scale is None else tensors.is_finite(connected),
        )

    def _differentiated(self, differentiate, weights, *vector, **options):
        # Open until the gradient is there: on PyTorch rematerialised layers run again for it.
        with Scope(collect_losses=True) as scope:
            return differentiate(functools.partial(self._loss, scope, **options), weights, *vector)

    def _loss(self, scope, weights, weighting=None, training=True):
        x, y, sample_weight = self.batch
        scope.place(self.variables, weights)
        predictions = self.model(x, training=training)
        loss = self._compute_loss(x, y, predictions, sample_weight, training)
        self._assigned = list(scope.assigned.values())
        values = [scope.get_current_value(variable) for variable in self._assigned]
        objective = loss
        if weighting is not None:
            weight = weighting(self.losses_of(predictions)) if callable(weighting) else weighting
            weight = ops.stop_gradient(weight)
            weight = batches.multiplied(sample_weight, weight)
            objective = self._compute_loss(x, y, predictions, weight, training)
        return self._scaled(objective), (loss, predictions, values)

    def _compute_loss(self, x, y, predictions, sample_weight, training=True):
        loss = self.model.compute_loss(
            x=x, y=y, y_pred=predictions, sample_weight=sample_weight, training=training
        )
        replicas = backend.num_replicas()  # By which Keras has divided the loss.
        return loss if replicas == 1 else loss * replicas

    def _scaled(self, loss):
        return loss if self.loss_scale is None else ops.multiply(loss, self.loss_scale)

    def _unscaled(self, gradients):
        filled = []
        for index, gradient, variable in zip(self.chosen, gradients, self.variables, strict=True):
            if gradient is not None and variable.overwrite_with_gradient:
                # No gradient but a next value, with which no method must calculate.
                self.first.next_values[index] = gradient
                gradient = None
            filled.append(self._without_scale(gradient, variable))
        return filled

    def _without_scale(self, gradient, variable):
        if gradient is None:
            return ops.zeros(variable.shape, variable.dtype)
        if self.loss_scale is None:
            return gradient
        return gradient / ops.cast(self.loss_scale, gradient.dtype)


@contextlib.contextmanager
def replayed(state):
    """Runs a block from a given random state and leaves the generators as they were."""
    later = backend.random_state()
    backend.set_random_state(state)
    try:
        yield
    finally:
        backend.set_random_state(later)
