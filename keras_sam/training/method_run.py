"""One batch on its way through a method."""

from dataclasses import dataclass
from typing import Any

from keras import ops

from keras_sam import tensors, true_gradient
from keras_sam.descent import Climb
from keras_sam.training.first_pass import FirstPass, spread
from keras_sam.training.scope import only_if


@dataclass(frozen=True)
class Step:
    """What a method makes of one batch.

    Args:
        gradients: List of tensors, the gradient for the optimizer.
        displacement: List of tensors to take from the weights beside the optimizer's update;
            empty for almost every method.
        sharpness: Scalar tensor, perturbed minus clean loss.
        grad_norm: Scalar tensor, norm of the first gradient.
        perturbation_norm: Scalar tensor; `None`, as the two above, unless measured.
        is_active: Whether the method acted on this step: `True` or a bool tensor.
    """

    gradients: list
    displacement: list
    sharpness: Any = None
    grad_norm: Any = None
    perturbation_norm: Any = None
    is_active: Any = True


class Run:
    """A batch, a method and what is known of both.

    Args:
        method: The `Method`.
        oracle: `GradientOracle` over all trainable weights.
        context: `keras_sam.training.memory.Context`.
    """

    def __init__(self, method, oracle, context):
        self.method = method
        self.ascent = method.ascent
        self.descent = method.descent
        self.oracle = oracle
        self.context = context
        self.chosen = method.chosen(oracle.roles)
        self.around = oracle.over(self.chosen)
        self.inner = context.over(self.chosen)

    def step(self, measure):
        """The `Step`; with its measurements where `measure` says so."""
        is_due = self.method.is_due(self.context.iteration)
        first_pass = FirstPass(self, is_due)
        self.lookahead = first_pass.lookahead
        self.inner = self.inner.replaced(start=first_pass.start)
        self.first = first_pass.evaluation()
        self.first_values = dict(self.oracle.first.next_values)
        is_active = self._is_active(is_due)
        gradients, loss, length, displacement = self._outcome(is_active, measure)
        self.ascent.learn(self.around, self._picked(self.first.gradients), self.inner)
        if not measure:
            return Step(gradients, displacement, is_active=is_active)
        norm = tensors.norm(self.first.gradients)
        return Step(gradients, displacement, loss - self.first.loss, norm, length, is_active)

    def _is_active(self, is_due):
        if self.method.policy is None:
            return is_due
        acts = self.method.policy.acts(self.first.gradients, self.context)
        return acts if is_due is True else ops.logical_and(is_due, acts)

    def _outcome(self, is_active, measure):
        """Gradients, loss, length of the perturbation, displacement."""
        if is_active is True or self.ascent.is_one_pass:
            return self._act(measure)
        return only_if(is_active, lambda: self._act(measure), self._rest, self.context)

    def _act(self, measure):
        perturbation = self._perturbation()
        known = self.first if self.ascent.is_one_pass else None
        climb = Climb(
            self.first,
            self._spread(perturbation),
            self.chosen,
            self._direction(),
            lambda: self._spread(self._perturbation()),
            known,
            self.lookahead,
        )
        outcome = self.descent.evaluation(self.oracle, climb, self.context)
        length = tensors.norm(perturbation) if measure else ops.zeros(())
        displacement = outcome.displacement or []
        return (
            self._finished(outcome.gradients, self.oracle.first.next_values),
            outcome.loss,
            ops.cast(length, "float32"),
            self._like_first(displacement) if displacement else [],
        )

    def _perturbation(self):
        if self.ascent.is_one_pass:
            return self.inner.start
        gradients = self._picked(self.first.gradients)
        with true_gradient.asked(True):
            return self.ascent.perturbation(self.around, gradients, self.inner)

    def _rest(self):
        rest = self.descent.rest(self.first, self.context)
        gradients = self._finished(rest, self.first_values)
        displacement = [ops.zeros_like(gradient) for gradient in gradients]
        return (
            gradients,
            self.first.loss,
            ops.zeros((), "float32"),
            displacement if self.descent.displaces else [],
        )

    def _direction(self):
        if not self.ascent.is_closed_form:
            return None
        return lambda gradients, weights: self.ascent.direction(
            gradients, weights, self.context.rho, self.around.roles
        )

    def _picked(self, full):
        return [full[index] for index in self.chosen]

    def _spread(self, picked):
        return spread(picked, self.chosen, len(self.oracle.roles))

    def _finished(self, gradients, next_values):
        """Gradients in the variables' dtypes, with the next values of those that have such."""
        gradients = self._like_first(gradients)
        return [next_values.get(index, gradient) for index, gradient in enumerate(gradients)]

    def _like_first(self, vector):
        return [
            ops.cast(after, before.dtype)
            for after, before in zip(vector, self.first.gradients, strict=True)
        ]
