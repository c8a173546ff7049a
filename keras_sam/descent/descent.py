"""What every descent offers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from keras_sam.training.evaluation import Evaluation


@dataclass(frozen=True)
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
        known: The `Evaluation` at the perturbed weights where the first one was there.
        lookahead: Where the descent wanted the first evaluation, relative to the weights.
    """

    first: Evaluation
    perturbation: list
    chosen: list[int]
    direction: Callable | None = None
    again: Callable | None = None
    known: Evaluation | None = None
    lookahead: Any = None

    def perturbed(self, oracle):
        """`Evaluation` at the perturbed weights; no second one where it is known."""
        return oracle.at(self.perturbation) if self.known is None else self.known


class Descent:
    """What to send to the optimizer, once the perturbation is known.

    Attributes:
        needs_closed_form_ascent: Whether it needs the ascent as a function.
        needs_clean_gradient: Whether it uses the gradient at the weights, so that the ascent
            must start there and from the whole batch.
        needs_plain_sgd: Whether it makes the update itself, so that the optimizer must do no
            more than multiply by the learning rate.
        needs_last_batch: Whether it uses the batch of the step before.
        displaces: Whether it moves the weights beside the optimizer.
        looks_ahead: Whether the first evaluation is at its `lookahead` and not at the weights.
        needs_random_ascent: Whether it makes no sense where the ascent draws nothing.
        is_random: Whether it draws numbers.
        counts_updates: Whether what it keeps goes with the optimizer's updates, so that gradient
            accumulation would confuse it.
        family: Name that the ascent must share, where the two work only together.
    """

    needs_closed_form_ascent = False
    needs_clean_gradient = False
    needs_plain_sgd = False
    needs_last_batch = False
    displaces = False
    looks_ahead = False
    needs_random_ascent = False
    is_random = False
    counts_updates = False
    family: str | None = None

    def slots(self):
        """What is kept between steps: dict from a name to its `keras_sam.training.memory.Slot`."""
        return {}

    def lookahead(self, oracle, context):
        """Where to evaluate the batch first, relative to the weights; `None` for there.

        Args:
            oracle: `GradientOracle` over all trainable weights.
            context: `keras_sam.training.memory.Context`.
        """
        del oracle, context

    def evaluation(self, oracle, climb, context):
        """The perturbed loss and the gradient for the optimizer.

        Args:
            oracle: `GradientOracle` over all trainable weights.
            climb: The `Climb`.
            context: `keras_sam.training.memory.Context`.

        Returns:
            `Evaluation` of the perturbed loss, with the gradient to descend.
        """
        raise NotImplementedError

    def rest(self, first, context):
        """The gradient for the optimizer on a step on which the method does not act.

        Args:
            first: The first `Evaluation` of the batch.
            context: `keras_sam.training.memory.Context`.

        Returns:
            List of tensors.
        """
        del context
        return first.gradients

    def get_config(self):
        """Arguments of the constructor."""
        return {}

    @classmethod
    def from_config(cls, config):
        """The inverse of `get_config`."""
        return cls(**config)
