"""Sharpness-aware gradients in a training loop of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from keras_sam import backend, checks, methods
from keras_sam.backend.displacement import displace
from keras_sam.methods import composition
from keras_sam.methods.method import Method
from keras_sam.own_loops.clock import Clock, Optimizer
from keras_sam.own_loops.subjects import Subject
from keras_sam.roles import Role
from keras_sam.schedules import Radius, Rho, is_constant, rho_at
from keras_sam.tensors import Nested, OwnLoss, Tensor, Vector
from keras_sam.training.carriers import Asked, Context, Evaluation, FirstEvaluation, Outcome
from keras_sam.training.guard import Guard
from keras_sam.training.last_batch import spec_of
from keras_sam.training.loss_function import LossFunction
from keras_sam.training.memory import Memory
from keras_sam.training.oracle import GradientOracle
from keras_sam.training.scope import stateless
from keras_sam.training.step import Step

SEED = "seed"  # Under which name files hold the state of the random numbers.


class SAMStep(Radius, keras.layers.Layer):
    """The gradients of a sharpness-aware method, for a `train_step` or a loop of one's own.

    It evaluates a loss function at any weights, as `SAMModel` evaluates a model: no variable is
    perturbed, the first evaluation owns the statistics, seeds and metrics that the function
    assigns, and the others see the same dropout masks. As a layer it is tracked where a model has
    it as an attribute, so that the method's state is saved with the model.

    Reference:
        Foret et al., Sharpness-Aware Minimization for Efficiently Improving Generalization,
        ICLR 2021 (https://arxiv.org/abs/2010.01412), algorithm 1.

    Args:
        trained: What to train: a built `keras.Model` or layer, variables, or a list of these. Of
            layers the roles of their variables are known, which `asam` and masks ask for; of a
            variable alone its name tells. On PyTorch also `torch.nn.Module`s, or their parameters.
        method: Name from `keras_sam.methods.list()`, or a `keras_sam.methods.Method`. Defaults
            to `"sam"`.
        rho: Radius of the perturbation: a float of at least 0, or a
            `keras.optimizers.schedules.LearningRateSchedule` over the iterations. Defaults to
            `None`, the method's own.
        name: String. Defaults to `None`, a name of Keras's making.
        options: Options of the named method.

    Raises:
        ValueError: If the method or one of its options is unknown, or an argument is outside its
            range.
        TypeError: If there is nothing to train in `trained`.

    Example:

    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    >>> step, optimizer = keras_sam.SAMStep(model, rho=0.1), keras.optimizers.SGD(0.1)
    >>> x, y = np.ones((8, 4), "float32"), np.ones((8, 1), "float32")
    >>> def loss_fn():
    ...     return keras.ops.mean(keras.losses.mean_squared_error(y, model(x, training=True)))
    >>> loss, gradients, _ = step.gradients(loss_fn, optimizer)
    >>> optimizer.apply(gradients, model.trainable_variables)
    """

    def __init__(
        self,
        trained: Any,
        method: str | Method = "sam",
        rho: Rho | None = None,
        name: str | None = None,
        **options: Any,
    ):
        chosen_method = _resolved(method, rho, options)
        super().__init__(name=name, trainable=False, autocast=False)
        # Behind a function: what is trained is no part of this layer.
        subject = Subject(trained)
        self._subject = lambda: subject
        self.method = chosen_method
        self._rho = self._add_rho(chosen_method.rho) if is_constant(chosen_method.rho) else None
        self.steps = self.add_weight(
            name="steps", shape=(), dtype="int32", initializer="zeros", trainable=False
        )
        self.memory = Memory(chosen_method.slots(), chosen_method.is_random)
        self.built = True
        if subject.roles():
            self._prepare(None)

    @property
    def roles(self) -> list[Role]:
        """Roles of the variables that are trained, in their order."""
        roles = self._subject().roles()
        if not roles:
            raise ValueError(
                "There must be weights to train: build the model first (call it once on a batch), "
                f"and unfreeze a layer. Received: {checks.received(trained=self._subject().parts)}"
            )
        return roles

    @property
    def trained_variables(self) -> list[keras.Variable]:
        """The variables that are trained, in the order of the gradients."""
        return [role.variable for role in self.roles]

    @backend.unconverted  # To convert all that it calls would take half a minute.
    def gradients(
        self, loss_fn: OwnLoss, optimizer: Optimizer | None = None, data: Nested = None
    ) -> tuple[Tensor, Vector, Any]:
        """The loss, and the gradients for the optimizer.

        Call it in a `train_step`, a `@tf.function` or an eager loop, outside of any gradient tape.
        Plain PyTorch parameters have their gradients in `.grad` as well.

        Args:
            loss_fn: Function that reads the variables and returns a scalar tensor, or
                `(loss, aux)`. It is called with `data` where there are such, and, if it has an
                argument `training`, with it. Methods that weigh examples (`esam`, `delta_sam`) ask
                for the loss of each example, of shape `(batch,)`.
            optimizer: The optimizer that is to get the gradients; Keras's or PyTorch's. Methods
                read its learning rate, and its iterations decide on `every` and `start`. Defaults
                to `None`: calls are counted, and methods that ask for a learning rate refuse.
            data: The batch, nested arrays with a leading axis; a tuple is handed on as arguments.
                Needed by methods that use parts of the batch (`ssam_f`, `ascent_fraction`), single
                examples or the batch before (`sampa`). Defaults to `None`.

        Returns:
            `(loss, gradients, aux)`: a scalar tensor, a list of tensors in the order of
            `trained_variables` (scaled where the optimizer scales the loss, as it expects), and
            the auxiliary output of the first evaluation, or `None`.

        Raises:
            ValueError: If `loss_fn` returns something else, does not depend on a variable or is
                under a gradient tape, or the method needs what it was not given.
        """
        if self.method.descent.displaces:
            raise ValueError(
                f"The method {self.method.name!r} moves the weights beside the optimizer: call "
                "minimize(loss_fn, optimizer), which makes the whole step, or choose "
                f"decoupled=False. Received: a call of gradients, method={self.method.name!r}"
            )
        outcome, first = self._outcome(loss_fn, optimizer, data)
        return _loss(first), outcome.gradients, first.predictions[1]

    @backend.unconverted
    def minimize(
        self, loss_fn: OwnLoss, optimizer: Optimizer, data: Nested = None
    ) -> tuple[Tensor, Any]:
        """Makes a whole step: gradients, the optimizer's update, and what a method moves beside it.

        Args:
            loss_fn: As in `gradients`.
            optimizer: A `keras.optimizers.Optimizer`, or for plain modules PyTorch's.
            data: As in `gradients`.

        Returns:
            `(loss, aux)`.

        Raises:
            ValueError: As `gradients`.
        """
        outcome, first = self._outcome(loss_fn, optimizer, data)
        variables = self.trained_variables
        with backend.without_graph():
            if isinstance(optimizer, keras.optimizers.Optimizer):
                optimizer.apply(outcome.gradients, variables)
            else:
                optimizer.step()
            displace(variables, outcome.displacement)
        return _loss(first), first.predictions[1]

    def stateless_gradients(
        self,
        state: Sequence[Tensor],
        loss_fn: OwnLoss,
        optimizer: keras.optimizers.Optimizer | None = None,
        data: Nested = None,
        variables: Sequence[keras.Variable] | None = None,
    ) -> tuple[list[Tensor], Tensor, Vector, Any]:
        """`gradients` as a pure function, for `jax.jit`.

        Args:
            state: List of tensors, the values of `variables`.
            loss_fn: As in `gradients`.
            optimizer: As in `gradients`, of Keras.
            data: As in `gradients`.
            variables: All variables that the step reads or assigns. Defaults to `None`, those of
                `variables_with(optimizer)`.

        Returns:
            `(state, loss, gradients, aux)`, the state as the step leaves it.
        """
        pure = stateless(self.gradients, self._of_state(variables, optimizer))
        state, (loss, gradients, aux) = pure(state, loss_fn, optimizer, data)
        return state, loss, gradients, aux

    def stateless_minimize(
        self,
        state: Sequence[Tensor],
        loss_fn: OwnLoss,
        optimizer: keras.optimizers.Optimizer,
        data: Nested = None,
        variables: Sequence[keras.Variable] | None = None,
    ) -> tuple[list[Tensor], Tensor, Any]:
        """`minimize` as a pure function: `(state, loss, aux)`.

        Args:
            state: As in `stateless_gradients`.
            loss_fn: As in `gradients`.
            optimizer: A built `keras.optimizers.Optimizer`.
            data: As in `gradients`.
            variables: As in `stateless_gradients`.
        """
        pure = stateless(self.minimize, self._of_state(variables, optimizer))
        state, (loss, aux) = pure(state, loss_fn, optimizer, data)
        return state, loss, aux

    def variables_with(
        self, optimizer: keras.optimizers.Optimizer | None = None, data: Nested = None
    ) -> list[keras.Variable]:
        """All variables that a step of this reads or assigns, made where they were not yet.

        Args:
            optimizer: Defaults to `None`.
            data: A batch, for methods that keep one. Defaults to `None`.
        """
        self._prepare(data)
        if optimizer is not None and not optimizer.built:
            optimizer.build(self.trained_variables)
        optimizers = [] if optimizer is None else optimizer.variables
        found = [*self._subject().variables, *self.variables, *optimizers]
        return list({id(variable): variable for variable in found}.values())

    def _of_state(
        self,
        variables: Sequence[keras.Variable] | None,
        optimizer: keras.optimizers.Optimizer | None,
    ) -> Sequence[keras.Variable]:
        return self.variables_with(optimizer) if variables is None else variables

    def _prepare(self, data: Nested) -> None:
        """Makes the method's state."""
        self._subject().adopt()
        roles = self.roles
        chosen = self.method.chosen(roles)
        self.memory.prepare([role.variable for role in roles], chosen)
        if self.method.descent.needs_last_batch and data is not None:
            self.memory.prepare_batch(spec_of((data, None, None)))

    def _outcome(
        self, loss_fn: OwnLoss, optimizer: Optimizer | None, data: Nested
    ) -> tuple[Outcome, FirstEvaluation]:
        self._check(optimizer, data)
        self._prepare(data)
        asked: Asked
        if isinstance(optimizer, keras.optimizers.Optimizer):
            asked = optimizer
        else:
            asked = Clock(self.steps, optimizer, self.method.name)
        subject, roles = self._subject(), self.roles
        variables = [role.variable for role in roles]
        weighs, keeps = self.method.needs_example_losses, self.method.descent.needs_last_batch
        function = LossFunction(loss_fn, weighs, weighs or keeps, subject.placed)
        guard = Guard(asked, skips=False)
        oracle = GradientOracle(function, (data, None, None), roles, guard.loss_scale)
        step = Step(self.method, variables, self._context(asked), guard)
        outcome = step.settled(step.whole(oracle))
        function.check_connected(roles, step.is_connected)
        self._check_kept(function, oracle.size if keeps else None)
        self.steps.assign_add(1)
        subject.receive(outcome.gradients)
        return outcome, step.first

    def _context(self, optimizer: Asked) -> Context:
        rho = rho_at(self.method.rho if self._rho is None else self._rho, optimizer)
        memory = self.memory
        return Context(rho, optimizer, memory.state, memory.seed, last_batch=memory.last_batch)

    def _check(self, optimizer: Optimizer | None, data: Nested) -> None:
        if backend.is_recorded():
            raise ValueError(
                "SAMStep has tapes of its own, and one around it would record each evaluation once "
                "more: call it outside of tf.GradientTape. A tape inside loss_fn (a gradient "
                "penalty) is well. Received: a call within tf.GradientTape"
            )
        if isinstance(optimizer, keras.optimizers.Optimizer):
            composition.check_model(self.method, optimizer, None)
        if self.method.needs_data and data is None:
            raise ValueError(
                f"The method {self.method.name!r} uses single examples or the batch before: give "
                "the batch as data=(x, y), with which loss_fn is called. Received: data=None"
            )

    def _check_kept(self, function: LossFunction, size: int | Tensor | None) -> None:
        kept = self.memory.last_batch
        if size is None or kept is None:
            return
        if function.is_scalar and size != kept.weights.shape[0]:
            raise ValueError(
                f"The method {self.method.name!r} keeps the batch; where batches differ in size, "
                "loss_fn must return the loss of each example, of shape (batch,). Received: a "
                f"scalar loss of {size} examples after a batch of {kept.weights.shape[0]}"
            )

    def save_own_variables(self, store: Any) -> None:
        super().save_own_variables(store)
        if self.memory.seed is not None:
            store[SEED] = self.memory.seed.state

    def load_own_variables(self, store: Any) -> None:
        if self.memory.seed is not None and SEED in store.keys():
            self.memory.seed.state.assign(store[SEED])
        super().load_own_variables({key: store[key] for key in store.keys() if key != SEED})


def _resolved(method: str | Method, rho: Rho | None, options: dict[str, Any]) -> Method:
    if isinstance(method, str) and rho is not None:
        options = {**options, "rho": rho}
    method = methods.get(method, **options)
    if method.descent.needs_outputs:
        raise ValueError(
            f"The method {method.name!r} uses the outputs that the loss is a function of, which a "
            "loss function does not tell: train a keras_sam.SAMModel with it, or take another "
            f"method here, such as 'sam'. Received: {checks.received(method=method.name)}"
        )
    return method if rho is None else method.with_rho(rho)


def _loss(first: Evaluation) -> Tensor:
    """The loss as `loss_fn` gave it."""
    return first.loss / backend.num_replicas()
