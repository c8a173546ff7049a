"""The descent of SAMPa."""

from typing import Any

from keras import ops

from keras_sam import checks, tensors
from keras_sam.ascent.stale import PREVIOUS
from keras_sam.descent.descent import Descent
from keras_sam.exports import part
from keras_sam.tensors import Vector
from keras_sam.training.carriers import Climb, Context, Evaluation
from keras_sam.training.memory import Slot
from keras_sam.training.oracle import GradientOracle


@part
class ParallelGradient(Descent):
    """A mean of two gradients of which neither waits for the other.

    One is the batch's, at the weights that plain SGD would reach with the gradient of the batch
    before; the other is that batch's, at the perturbed weights. On the first step there is only
    the first, at the weights. The batch is kept in the model, and so in the files that it is saved
    to: save the `base_model` alone to give it away. Of a spike, a gradient over thirty times as
    long as the one before, the step to those weights is but twice the last one.

    Reference:
        Xie et al., SAMPa: Sharpness-aware Minimization Parallelized, NeurIPS 2024, in the order
        of the authors' code.

    Args:
        lam: Float in [0, 1], share of the batch's gradient. Defaults to `0.2`.
        momentum: Float in [0, 1), for the weights that the optimizer would reach. Defaults to
            `None`, that of the compiled optimizer.

    Raises:
        ValueError: If an argument is outside its range.

    Example:

    >>> descent = keras_sam.descent.ParallelGradient(lam=0.2)
    """

    looks_ahead = True
    needs_last_batch = True
    counts_updates = True
    tells_perturbed = False
    family = "sampa"

    def __init__(self, lam: float = 0.2, momentum: float | None = None):
        self.lam = checks.from_zero_to_one("lam", lam)
        self.momentum = None if momentum is None else checks.share("momentum", momentum)

    def slots(self) -> dict[str, Slot]:
        slots = {**PREVIOUS, "batches_seen": Slot(per_weight=False)}
        return slots if self.momentum == 0 else {**slots, "velocity": Slot()}

    def lookahead(self, oracle: GradientOracle, context: Context) -> Vector | None:
        step = tensors.values(context.state["previous_gradient"])
        momentum = self._momentum(context)
        if momentum:
            step = tensors.add(step, tensors.values(context.state["velocity"]), momentum)
        return tensors.scale(step, -context.learning_rate)

    def evaluation(self, oracle: GradientOracle, climb: Climb, context: Context) -> Evaluation:
        state, ahead = context.state, climb.first.gradients
        kept = context.last_batch
        assert kept is not None, "The descent needs it, so the model keeps it."
        perturbed = oracle.on(kept.batch).at(
            climb.perturbation, ops.convert_to_tensor(kept.weights.value)
        )
        is_first = ops.equal(state["batches_seen"], 0)
        out = [
            ops.where(is_first, new, mixed)
            for new, mixed in zip(ahead, tensors.mix(perturbed.gradients, ahead, self.lam))
        ]
        self._remember(ahead, out, context)
        kept.keep(oracle.batch)
        return Evaluation(perturbed.loss, out)

    def _momentum(self, context: Context) -> float:
        # Of Adam and its like the weights ahead are not those of SGD with another momentum.
        return context.momentum("momentum") or 0.0 if self.momentum is None else self.momentum

    def _remember(self, ahead: Vector, out: Vector, context: Context) -> None:
        """What the next step starts from; a spike would lead far away, even where it is clipped."""
        state, momentum = context.state, self._momentum(context)
        previous = tensors.values(state["previous_gradient"])
        tensors.assign(state["previous_gradient"], tensors.tempered(ahead, previous))
        if momentum:
            velocity = tensors.scale(tensors.values(state["velocity"]), momentum)
            pushed = tensors.add(velocity, tensors.tempered(out, previous))
            tensors.assign(state["velocity"], pushed)
        state["batches_seen"].assign(ops.ones(()))

    def get_config(self) -> dict[str, Any]:
        return {"lam": self.lam, "momentum": self.momentum}
