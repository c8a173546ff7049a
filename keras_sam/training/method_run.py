"""One batch on its way through a method: first evaluation, ascent, descent."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import keras
from keras import ops

from keras_sam import backend, tensors
from keras_sam.tensors import Tensor, Vector
from keras_sam.training import true_gradient
from keras_sam.training.batches import share_of
from keras_sam.training.carriers import Climb, Context, FirstEvaluation, Outcome
from keras_sam.training.memory import ACTED
from keras_sam.training.oracle import GradientOracle
from keras_sam.training.scope import Scope, only_if

if TYPE_CHECKING:
    from keras_sam.methods.method import Method

# Whether the method acts on a step: `True`, or a bool tensor that only the step knows.
Due: TypeAlias = bool | Tensor
# Gradients, displacement, loss and length of the perturbation.
Made: TypeAlias = tuple[Vector, Vector, Tensor, Tensor]
# One that stays `None` where it is.
Offset = TypeVar("Offset", Vector, Vector | None)


class MethodRun:
    """A batch, a method and what is known of both.

    Args:
        method: The `Method`.
        oracle: `GradientOracle` over all trainable weights.
        context: `Context` over all trainable weights.

    Attributes:
        first: The `FirstEvaluation` of the batch.
        is_active: Whether the method acts on this step: `True` or a bool tensor.
        measured: Dict from the name of a measurement to its scalar tensor; empty unless wanted.
    """

    first: FirstEvaluation
    is_active: bool | Tensor
    measured: dict[str, Tensor]

    def __init__(self, method: Method, oracle: GradientOracle, context: Context):
        self.method = method
        self.ascent = method.ascent
        self.descent = method.descent
        self.oracle = oracle
        self.context = context
        self.chosen = method.chosen(oracle.roles)
        # What an ascent sees: the perturbed weights alone.
        self.restricted_oracle = oracle.restricted(self.chosen)
        self.restricted_context = context.restricted(self.chosen)

    def outcome(self, measure: bool = False) -> Outcome:
        """What the method makes of the batch; nothing but its seed is assigned yet.

        Args:
            measure: Whether to fill in `measured`. Defaults to `False`.
        """
        with Scope() as scope:
            gradients, displacement = self._step(measure)
        if self.context.seed is not None:
            self.context.seed.state.assign(scope.value(self.context.seed.state))
        state = [scope.value(variable) for variable in self.context.variables]
        return Outcome(gradients, displacement, state)

    def _step(self, measure: bool) -> tuple[Vector, Vector]:
        is_due = self.method.is_due(self.context.iteration)
        self._perturb_frozen(is_due)
        self.lookahead = _if_due(is_due, self.descent.lookahead(self.oracle, self.context))
        origin = self.ascent.origin(self.restricted_oracle, self.restricted_context)
        self.restricted_context = self.restricted_context.replaced(origin=_if_due(is_due, origin))
        self.first = self._evaluate_first(is_due)
        self.first_values = dict(self.oracle.next_values)
        self.dtypes = [gradient.dtype for gradient in self.first.gradients]
        self.is_active = self._acts(is_due)
        measured = {"grad_norm": tensors.norm(self.first.gradients)} if measure else {}
        gradients, displacement, loss, length = self._act_or_rest(measure)
        if self.ascent.learns:
            picked = self._picked(self.first.gradients)
            self.ascent.learn(self.restricted_oracle, picked, self.restricted_context)
        if measure:
            measured |= {"sharpness": loss - self.first.loss, "perturbation_norm": length}
        self.measured = measured
        return gradients, displacement

    def _perturb_frozen(self, is_due: Due) -> None:
        found = self.ascent.frozen_offsets(self.restricted_oracle, self.restricted_context)
        variables, offsets = [v for v, _ in found], _if_due(is_due, [offset for _, offset in found])
        frozen_offsets = list(zip(variables, offsets, strict=True))
        self.oracle = self.oracle.amid(frozen_offsets)
        self.restricted_oracle = self.restricted_oracle.amid(frozen_offsets)

    def _evaluate_first(self, is_due: Due) -> FirstEvaluation:
        oracle, offset = self.oracle, self.lookahead
        if self.method.ascent_fraction < 1:
            oracle = self._part_of_batch()
        if self.restricted_context.origin is not None:
            offset = self._spread(self.restricted_context.origin)
        # Of a pass that serves the descent itself, an ascent asks nothing.
        with true_gradient.asked(is_due if offset is None else False):
            return oracle.evaluate_first(offset, self._weighting(is_due))

    def _part_of_batch(self) -> GradientOracle:
        """The oracle for a random part of the batch."""
        size = self.oracle.size
        order = keras.random.shuffle(ops.arange(size), seed=self.context.seed)
        return self.oracle.examples(order[: share_of(size, self.method.ascent_fraction)])

    def _weighting(self, is_due: Due) -> Callable[[Tensor], Tensor] | None:
        """Function from the examples' losses to their weights; all 1 where the method rests."""
        if not self.ascent.probes:
            return None

        def probe() -> Vector:
            return self.ascent.probe(self.restricted_oracle, self.restricted_context)

        if is_due is True:
            probes = probe()
            return lambda losses: self.ascent.weigh(losses, probes)
        zeros = [ops.zeros((self.oracle.size,))] * self.ascent.probes
        probes = only_if(is_due, probe, lambda: zeros, self.context)
        return lambda losses: ops.where(
            is_due, self.ascent.weigh(losses, probes), ops.ones_like(losses)
        )

    def _acts(self, is_due: Due) -> Due:
        if self.method.policy is None:
            return is_due
        acts = self.method.policy.acts(self.first.gradients, self.context)
        acts = acts if is_due is True else ops.logical_and(is_due, acts)
        count = self.context.state[ACTED]
        count.assign(count.value + ops.cast(acts, count.dtype))
        return acts

    def _act_or_rest(self, measure: bool) -> Made:
        """Gradients, displacement, loss and length of the perturbation."""
        if self.is_active is True or self.ascent.is_one_pass:
            return self._act(measure)
        return only_if(self.is_active, lambda: self._act(measure), self._rest, self.context)

    def _act(self, measure: bool) -> Made:
        perturbation = self._spread(self._perturbation())
        length = self._length(perturbation) if measure else ops.zeros(())
        if self._is_done_with_clean():
            self.first = self.first.without_gradients()
        climb = Climb(
            self.first,
            perturbation,
            self.chosen,
            self._direction if self.ascent.is_closed_form else None,
            lambda: self._spread(self._perturbation()),
            self._learn_perturbed,
            self.first if self.ascent.is_one_pass else None,
            self.lookahead,
        )
        del perturbation  # The climb's, which may let it go.
        perturbed = self.descent.evaluation(self.oracle, climb, self.context)
        return (
            self._finished(perturbed.gradients, self.oracle.next_values),
            self._like_first(perturbed.displacement) if perturbed.displacement else [],
            perturbed.loss,
            ops.cast(length, "float32"),
        )

    def _length(self, perturbation: Vector) -> Tensor:
        frozen = [offset for _, offset in self.oracle.frozen_offsets]
        return tensors.norm([*(part for part in perturbation if part is not None), *frozen])

    def _is_done_with_clean(self) -> bool:
        """Whether nobody asks for the clean gradients again; PyTorch may have their memory."""
        is_asked = self.descent.keeps_clean or self.ascent.learns or self.ascent.is_one_pass
        # A program has both branches: there the one that rests asks for them after this one.
        is_alone = self.is_active is True or backend.runs_one_branch()
        return is_alone and not is_asked

    def _learn_perturbed(self, gradients: Vector) -> None:
        picked = self._picked(gradients)
        self.ascent.learn_perturbed(self.restricted_oracle, picked, self.restricted_context)

    def _rest(self) -> Made:
        rest = self.descent.rest(self.first, self.context)
        gradients = self._finished(rest, self.first_values)
        still = [ops.zeros_like(gradient) for gradient in gradients]
        displacement = still if self.descent.displaces else []
        return gradients, displacement, self.first.loss, ops.zeros((), "float32")

    def _perturbation(self) -> Vector:
        if self.ascent.is_one_pass:
            assert self.restricted_context.origin is not None, "An ascent of one pass has one."
            return self.restricted_context.origin
        gradients = self._picked(self.first.gradients)
        with true_gradient.asked(True):
            perturbation = self.ascent.perturbation(
                self.restricted_oracle, gradients, self.restricted_context
            )
        return self.oracle.agreed(perturbation)

    def _direction(self, gradients: Vector, weights: Vector) -> Vector:
        roles = self.restricted_oracle.roles
        return self.ascent.direction(gradients, weights, self.context.rho, roles)

    def _picked(self, full: Vector) -> Vector:
        return [full[index] for index in self.chosen]

    def _spread(self, picked: Vector) -> Vector:
        """A vector over the chosen weights as one over all of them, `None` elsewhere."""
        chosen = dict(zip(self.chosen, picked, strict=True))
        return [chosen.get(index) for index in range(len(self.oracle.roles))]

    def _finished(self, gradients: Vector, next_values: dict[int, Tensor]) -> Vector:
        """Gradients in the variables' dtypes, with the next values of those that have such."""
        gradients = self._like_first(gradients)
        return [next_values.get(index, gradient) for index, gradient in enumerate(gradients)]

    def _like_first(self, vector: Vector) -> Vector:
        return [ops.cast(part, dtype) for part, dtype in zip(vector, self.dtypes, strict=True)]


def _if_due(is_due: Due, offset: Offset) -> Offset:
    """The offset; nothing, which is the weights themselves, where the method rests."""
    if offset is None or is_due is True:
        return offset
    return tensors.scale(offset, ops.cast(is_due, "float32"))
