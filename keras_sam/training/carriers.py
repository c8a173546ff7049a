"""What travels with a batch: what is known before, what an evaluation gives, what comes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

import keras

from keras_sam.tensors import Batch, Nested, Tensor, Vector

if TYPE_CHECKING:
    from keras_sam.training.last_batch import LastBatch
    from keras_sam.training.oracle import GradientOracle

# By the name of the slot: its variable, or the list of its variables, one a weight.
State: TypeAlias = dict[str, Any]


class Trained(Protocol):
    """What an oracle asks of a model: its outputs, and their loss."""

    def __call__(self, x: Nested, training: bool) -> Tensor: ...

    def compute_loss(
        self, x: Nested, y: Nested, y_pred: Tensor, sample_weight: Nested, training: bool = True
    ) -> Tensor: ...


class Asked(Protocol):
    """What is asked of an optimizer; where it is not Keras's, `own_loops.clock.Clock` answers."""

    @property
    def iterations(self) -> keras.Variable: ...

    @property
    def learning_rate(self) -> Tensor: ...

    def scale_loss(self, loss: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Context:
    """What a part of a method may know beside the batch and the weights.

    Args:
        rho: Scalar tensor, the radius of this step.
        optimizer: The `keras.optimizers.Optimizer`, or what counts in its place, to be read only.
        state: Dict from a slot's name to its variable, or to a list of variables.
        seed: `keras.random.SeedGenerator`; `None` for a method without chance.
        origin: Where the batch was evaluated first, relative to the weights: a list of tensors,
            `None` for the weights themselves.
        last_batch: `keras_sam.training.last_batch.LastBatch`, where the method keeps it.
        is_first_part: Whether this is the whole batch or its first micro-batch.
    """

    rho: Tensor
    optimizer: Any = None
    state: State = field(default_factory=dict)
    seed: keras.random.SeedGenerator | None = None
    origin: Vector | None = None
    last_batch: LastBatch | None = None
    is_first_part: bool = True

    @property
    def iteration(self) -> Tensor:
        """Integer scalar tensor, updates that the optimizer has made."""
        return self.optimizer.iterations

    @property
    def learning_rate(self) -> Tensor:
        """Scalar tensor, the learning rate of the optimizer's next update."""
        return keras.ops.convert_to_tensor(self.optimizer.learning_rate)

    def momentum(self, *names: str) -> float | None:
        """The first of the optimizer's settings of these names that is not 0, as `"beta_1"`."""
        # One that scales the loss has the other inside.
        optimizer = getattr(self.optimizer, "inner_optimizer", self.optimizer)
        found = (getattr(optimizer, name, None) for name in names)
        return next((float(value) for value in found if value), None)

    def restricted(self, chosen: list[int]) -> Context:
        """The same context for the chosen weights only."""
        state = {
            name: [entry[index] for index in chosen] if isinstance(entry, list) else entry
            for name, entry in self.state.items()
        }
        return self.replaced(state=state)

    def replaced(self, **fields: Any) -> Context:
        """The same context with other fields."""
        return replace(self, **fields)

    @property
    def variables(self) -> list[keras.Variable]:
        """The variables of the state and of the batch that is kept, in a fixed order."""
        kept = [] if self.last_batch is None else self.last_batch.variables
        return [*keras.tree.flatten(self.state), *kept]


@dataclass(frozen=True)
class Evaluation:
    """Loss and gradient of the batch at one point.

    Args:
        loss: Scalar tensor, the loss that Keras would report.
        gradients: List of tensors, one for each weight that was differentiated.
        displacement: List of tensors to take from the weights beside the optimizer's update;
            `None` for almost every method.
    """

    loss: Tensor
    gradients: Vector
    displacement: Vector | None = None


@dataclass(frozen=True, kw_only=True)
class FirstEvaluation(Evaluation):
    """The evaluation of a batch that owns its metrics, BatchNorm's statistics and the seeds.

    Args:
        batch: The batch, or the part of it, that was evaluated.
        predictions: Nested tensors.
        updates: List of `(variable, value)`: BatchNorm statistics, seeds, metrics.
        is_connected: List of bools, whether the loss depends on each weight.
        is_finite: Bool tensor, whether the scaled gradients are; `None` without loss scaling.
    """

    batch: Batch
    predictions: Tensor
    updates: list[tuple[keras.Variable, Tensor]]
    is_connected: list[bool]
    is_finite: Tensor | None

    def without_gradients(self) -> FirstEvaluation:
        """The same evaluation where nobody asks for its gradients any more."""
        return replace(self, gradients=[])

    def commit(self) -> None:
        """Hand what the evaluation assigned to the variables."""
        for variable, value in self.updates:
            variable.assign(value)


@dataclass
class Climb:
    """What a descent may know of the ascent before it.

    Args:
        first: The first `Evaluation` of the batch: at the weights, for most methods.
        perturbation: List of tensors, one a trainable variable; `None` where it stays.
        chosen: Indices of the perturbed variables.
        direction: The ascent as a function `(gradients, weights) -> perturbation` over the
            chosen variables; `None` where the ascent is not a closed form.
        again: Function without arguments that gives the ascent's next perturbation, another one
            where it is random.
        learn: Function that tells the ascent the gradient at the perturbed weights.
        known: The `Evaluation` at the perturbed weights where the first one was there.
        lookahead: Where the descent wanted the first evaluation, relative to the weights.
    """

    first: FirstEvaluation
    perturbation: Vector
    chosen: list[int]
    direction: Callable[[Vector, Vector], Vector] | None
    again: Callable[[], Vector]
    learn: Callable[[Vector], None]
    known: Evaluation | None
    lookahead: Vector | None

    def perturbed(self, oracle: GradientOracle) -> Evaluation:
        """`Evaluation` at the perturbed weights; no second one where it is known."""
        found = oracle.at(self.perturbation) if self.known is None else self.known
        self.learn(found.gradients)
        return found

    def perturbed_last(self, oracle: GradientOracle) -> Evaluation:
        """The same, as all that a descent asks for: PyTorch may have the perturbation's memory."""
        if self.known is None:
            weights = oracle.moved(self.perturbation)
            self.perturbation = []
            self.known = oracle.at_weights(weights)
        return self.perturbed(oracle)


class Outcome(NamedTuple):
    """What a batch does to the model, beside its metrics.

    Attributes:
        gradients: List of tensors for the optimizer.
        displacement: List of tensors to take from the weights after the optimizer's update;
            empty for almost every method.
        state: List of the new values of the method's state, in the order of `Context.variables`.
        is_made: Whether the optimizer is to make the step: `True` or a bool tensor.
    """

    gradients: Vector
    displacement: Vector
    state: list[Tensor]
    is_made: bool | Tensor = True
