"""What every descent offers."""

from collections.abc import Callable
from dataclasses import dataclass

from keras_sam.oracle import Evaluation


@dataclass(frozen=True)
class Climb:
    """What a descent may know of the ascent before it.

    Args:
        clean: `Evaluation` at the weights.
        perturbation: List of tensors, one a trainable variable; `None` where it stays.
        chosen: Indices of the perturbed variables.
        direction: The ascent as a function `(gradients, weights) -> perturbation` over the
            chosen variables; `None` where the ascent is not a closed form.
    """

    clean: Evaluation
    perturbation: list
    chosen: list[int]
    direction: Callable | None


class Descent:
    """What to send to the optimizer, once the perturbation is known."""

    needs_closed_form_ascent = False

    def evaluation(self, oracle, climb):
        """The perturbed loss and the gradient for the optimizer.

        Args:
            oracle: `GradientOracle` over all trainable weights.
            climb: The `Climb`.

        Returns:
            `Evaluation` of the perturbed loss, with the gradient to descend.
        """
        raise NotImplementedError

    def get_config(self):
        """Arguments of the constructor."""
        return {}

    @classmethod
    def from_config(cls, config):
        """The inverse of `get_config`."""
        return cls(**config)
