"""What every descent offers."""

from keras_sam.saving import exported


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
            context: `keras_sam.training.carriers.Context`.
        """
        del oracle, context

    def evaluation(self, oracle, climb, context):
        """The perturbed loss and the gradient for the optimizer.

        Args:
            oracle: `GradientOracle` over all trainable weights.
            climb: The `Climb`.
            context: `keras_sam.training.carriers.Context`.

        Returns:
            `Evaluation` of the perturbed loss, with the gradient to descend.
        """
        raise NotImplementedError

    def rest(self, first, context):
        """The gradient for the optimizer on a step on which the method does not act.

        Args:
            first: The first `Evaluation` of the batch.
            context: `keras_sam.training.carriers.Context`.

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
