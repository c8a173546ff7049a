"""What every descent offers."""

from typing import Any, Self

from keras_sam.exports import exported
from keras_sam.tensors import Vector
from keras_sam.training.carriers import Climb, Context, Evaluation, FirstEvaluation
from keras_sam.training.memory import Slot
from keras_sam.training.oracle import GradientOracle


@exported
class Descent:
    """What to send to the optimizer, once the perturbation is known.

    Attributes:
        needs_closed_form_ascent: Whether it needs the ascent as a function.
        needs_clean_gradient: Whether it uses the gradient at the weights, so that the ascent
            must start there and from the whole batch.
        needs_plain_sgd: Whether it makes the update itself, so that the optimizer must do no
            more than multiply by the learning rate.
        needs_last_batch: Whether it uses the batch of the step before.
        needs_example_losses: Whether it uses the loss of each example.
        needs_outputs: Whether it uses the model's outputs, which a loss function does not tell.
        displaces: Whether it moves the weights beside the optimizer.
        looks_ahead: Whether the first evaluation is at its `lookahead` and not at the weights.
        keeps_clean: Whether it looks at the gradient of the first evaluation where it acts.
        tells_perturbed: Whether it asks for the gradient at the perturbed weights with
            `Climb.perturbed`, from which an ascent may learn.
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
    needs_example_losses = False
    needs_outputs = False
    displaces = False
    looks_ahead = False
    keeps_clean = True
    tells_perturbed = True
    needs_random_ascent = False
    is_random = False
    counts_updates = False
    family: str | None = None

    def slots(self) -> dict[str, Slot]:
        """What is kept between steps: dict from a name to its `keras_sam.training.memory.Slot`."""
        return {}

    def lookahead(self, oracle: GradientOracle, context: Context) -> Vector | None:
        """Where to evaluate the batch first, relative to the weights; `None` for there.

        Args:
            oracle: `GradientOracle` over all trainable weights.
            context: `keras_sam.training.carriers.Context`.
        """
        del oracle, context
        return None

    def evaluation(self, oracle: GradientOracle, climb: Climb, context: Context) -> Evaluation:
        """The perturbed loss and the gradient for the optimizer.

        Args:
            oracle: `GradientOracle` over all trainable weights.
            climb: The `Climb`.
            context: `keras_sam.training.carriers.Context`.

        Returns:
            `Evaluation` of the perturbed loss, with the gradient to descend.
        """
        raise NotImplementedError

    def rest(self, first: FirstEvaluation, context: Context) -> Vector:
        """The gradient for the optimizer on a step on which the method does not act.

        Args:
            first: The first `Evaluation` of the batch.
            context: `keras_sam.training.carriers.Context`.

        Returns:
            List of tensors.
        """
        del context
        return first.gradients

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The inverse of `get_config`."""
        return cls(**config)
