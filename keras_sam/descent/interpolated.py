"""The descent of XSAM."""

from typing import Any

from keras import ops

from keras_sam import checks, tensors
from keras_sam.descent.descent import Descent
from keras_sam.exports import part
from keras_sam.tensors import Tensor, Vector
from keras_sam.training.carriers import Climb, Context, Evaluation
from keras_sam.training.memory import Slot
from keras_sam.training.oracle import GradientOracle
from keras_sam.training.scope import only_if

PARALLEL = 1e-4  # A sine below it: float32 knows no angle there, and an arc is its chord.
CHOICES = 21  # 0, 0.1, …, 2.


@part
class InterpolatedGradient(Descent):
    """The perturbed gradient, turned away from the way up, or back to it, along the arc.

    With the unit vectors v0 of the perturbation and v1 of the perturbed gradient, an angle t
    apart, it is `||g_s|| (sin((1 - alpha) t) v0 + sin(alpha t) v1) / sin t`: SAM's for `alpha=1`,
    beyond it for more. Without an alpha the one of 0, 0.1, …, 2 is taken that leads to the
    largest loss at the distance `rho_max` from the weights, the least of equal ones.

    Reference:
        Chen and Zhou, Revisiting Sharpness-Aware Minimization: A More Faithful and Effective
        Implementation, ICLR 2026, as in the authors' code.

    Args:
        alpha: Float; `None` to look for it. Defaults to `None`.
        rho_max: Positive float, distance at which it is looked for. Defaults to `0.3`.
        search_every: Positive integer, updates between two searches, for each of which the batch
            is evaluated 21 times without a gradient. Defaults to `400`.

    Raises:
        ValueError: If an argument is outside its range.

    Example:

    >>> method = keras_sam.methods.Method(descent=keras_sam.descent.InterpolatedGradient(1.2))
    """

    def __init__(self, alpha: float | None = None, rho_max: float = 0.3, search_every: int = 400):
        self.alpha = None if alpha is None else checks.number("alpha", alpha)
        self.rho_max = checks.positive("rho_max", rho_max)
        self.search_every = checks.positive_integer("search_every", search_every)

    def slots(self) -> dict[str, Slot]:
        return {} if self.alpha is not None else {"alpha": Slot(per_weight=False)}

    def evaluation(self, oracle: GradientOracle, climb: Climb, context: Context) -> Evaluation:
        perturbed = climb.perturbed(oracle)
        arc = _Arc(climb.perturbation, perturbed.gradients)
        alpha = self.alpha
        if alpha is None:
            alpha = self._chosen(arc, oracle, context)
        return Evaluation(perturbed.loss, arc.at(alpha, arc.length))

    def _chosen(self, arc: "_Arc", oracle: GradientOracle, context: Context) -> Tensor:
        """The alpha of this step, which is kept."""
        kept = context.state["alpha"]
        old = tensors.values([kept])[0]
        is_due = ops.equal(ops.mod(ops.cast(context.iteration, "int32"), self.search_every), 0)
        alpha = only_if(is_due, lambda: self._found(arc, oracle), lambda: old, context)
        kept.assign(alpha)
        return alpha

    def _found(self, arc: "_Arc", oracle: GradientOracle) -> Tensor:
        def better(index: Tensor, best: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
            highest, alpha = best
            candidate = ops.cast(index, "float32") / 10
            loss = ops.cast(oracle.loss(arc.at(candidate, self.rho_max)), "float32")
            is_higher = loss > highest
            return ops.where(is_higher, loss, highest), ops.where(is_higher, candidate, alpha)

        return ops.fori_loop(0, CHOICES, better, (ops.zeros(()), ops.zeros(())))[1]

    def get_config(self) -> dict[str, Any]:
        names = ("alpha", "rho_max", "search_every")
        return {name: getattr(self, name) for name in names}


class _Arc:
    """Unit vectors on the arc from a perturbation to a gradient, and beyond."""

    def __init__(self, perturbation: Vector, gradients: Vector):
        gradients = [tensors.at_least_float32(gradient) for gradient in gradients]
        up = tensors.add([ops.zeros_like(gradient) for gradient in gradients], perturbation)
        self.length = tensors.norm(gradients)
        self.has_way = tensors.norm(up) > 0
        self.up = tensors.scale(up, tensors.guarded_ratio(1.0, tensors.norm(up)))
        self.ahead = tensors.scale(gradients, tensors.guarded_ratio(1.0, self.length))
        # Rounding may carry the product of two unit vectors beyond 1.
        self.angle = ops.arccos(ops.clip(tensors.inner(self.up, self.ahead), -1.0, 1.0))

    def at(self, alpha: Tensor | float, length: Tensor | float) -> Vector:
        """`length` times the vector at `alpha`; that of the gradient where there is no way up."""
        alpha = ops.cast(alpha, self.angle.dtype)
        sine = ops.sin(self.angle)
        is_flat = sine < PARALLEL
        safe = ops.where(is_flat, ops.ones_like(sine), sine)
        shares = [
            ops.where(is_flat, part, ops.sin(part * self.angle) / safe)
            for part in (1 - alpha, alpha)
        ]
        of_up = ops.where(self.has_way, shares[0], 0.0) * length
        of_ahead = ops.where(self.has_way, shares[1], 1.0) * length
        return tensors.add(tensors.scale(self.up, of_up), self.ahead, of_ahead)
