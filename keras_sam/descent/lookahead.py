"""Descents that look where the optimizer is about to go."""

from typing import Any

from keras_sam import checks, tensors
from keras_sam.descent.descent import Descent
from keras_sam.exports import part
from keras_sam.tensors import Tensor, Vector
from keras_sam.training.carriers import Climb, Context, Evaluation, FirstEvaluation
from keras_sam.training.memory import Slot
from keras_sam.training.oracle import GradientOracle


class LookingAhead(Descent):
    """A descent with a step of its own length.

    Args:
        step: Float of at least 0; `None` for the optimizer's learning rate. Defaults to `None`.
    """

    tells_perturbed = False

    def __init__(self, step: float | None = None):
        self.step = None if step is None else checks.non_negative("step", step)

    def length(self, context: Context) -> Tensor | float:
        """The length of the step now."""
        return context.learning_rate if self.step is None else self.step

    def get_config(self) -> dict[str, Any]:
        return {"step": self.step}


@part
class ExtraGradient(LookingAhead):
    """The gradient at the perturbed weights, moved by a step down the clean gradient as well.

    Reference:
        Yu et al., Improving Sharpness-Aware Minimization by Lookahead, ICML 2024: the
        extragradient form.

    Args:
        step: Float of at least 0; `None` for the optimizer's learning rate. Defaults to `None`.

    Raises:
        ValueError: If `step` is negative.

    Example:

    >>> method = keras_sam.methods.Method(descent=keras_sam.descent.ExtraGradient())
    """

    needs_clean_gradient = True

    def evaluation(self, oracle: GradientOracle, climb: Climb, context: Context) -> Evaluation:
        down = tensors.scale(climb.first.gradients, -self.length(context))
        return oracle.at(tensors.add(down, climb.perturbation))


@part
class OptimisticGradient(LookingAhead):
    """The perturbed gradient around a point one step down the last perturbed gradient.

    The batch is evaluated first at that point, and the ascent starts there. Of a spike, a
    gradient over thirty times as long as the last, the step is but twice the last one.

    Reference:
        Yu et al., Improving Sharpness-Aware Minimization by Lookahead, ICML 2024: the optimistic
        form, as far as it is known.

    Args:
        step: Float of at least 0; `None` for the optimizer's learning rate. Defaults to `None`.

    Raises:
        ValueError: If `step` is negative.

    Example:

    >>> method = keras_sam.methods.Method(descent=keras_sam.descent.OptimisticGradient())
    """

    looks_ahead = True

    def slots(self) -> dict[str, Slot]:
        return {"last_gradient": Slot()}

    def lookahead(self, oracle: GradientOracle, context: Context) -> Vector | None:
        last = tensors.values(context.state["last_gradient"])
        return tensors.scale(last, -self.length(context))

    def evaluation(self, oracle: GradientOracle, climb: Climb, context: Context) -> Evaluation:
        assert climb.lookahead is not None, "It is the descent's own."
        perturbed = oracle.at(tensors.add(climb.lookahead, climb.perturbation))
        self._remember(perturbed.gradients, context)
        return perturbed

    def rest(self, first: FirstEvaluation, context: Context) -> Vector:
        self._remember(first.gradients, context)
        return first.gradients

    def _remember(self, gradients: Vector, context: Context) -> None:
        """A spike would lead far away, to a longer gradient still, even where it is clipped."""
        last = context.state["last_gradient"]
        tensors.assign(last, tensors.tempered(gradients, tensors.values(last)))
