"""The ascent of SAM: the maximiser of the linearised loss over a ball of the p-norm."""

import math
from collections.abc import Sequence
from typing import Any

from keras import ops

from keras_sam import checks, tensors
from keras_sam.ascent.ascent import Ascent
from keras_sam.exports import part
from keras_sam.roles import Role
from keras_sam.tensors import Tensor, Vector


@part
class DualNormAscent(Ascent):
    """Steepest ascent on the p-norm ball of radius rho.

    With 1/p + 1/q = 1 the perturbation is `rho * sign(g) |g|^(q-1) / (||g||_q^q)^(1/p)`, the
    norm running over all tensors together: the unit gradient for `p=2`, its sign for
    `p=inf`, and for `p=1` the entries of the largest magnitude alone, in equal shares.

    Reference:
        Foret et al., Sharpness-Aware Minimization for Efficiently Improving Generalization,
        ICLR 2021, equation 2.

    Args:
        p: Float of at least 1, or `math.inf`. Defaults to `2`.

    Raises:
        ValueError: If `p` is less than 1 or not a number.

    Example:

    >>> ascent = keras_sam.ascent.DualNormAscent(p=math.inf)
    """

    def __init__(self, p: float = 2):
        self.p = checks.norm_order(p)

    def direction(
        self, gradients: Vector, weights: Vector, rho: Tensor, roles: Sequence[Role]
    ) -> Vector:
        del weights, roles
        gradients = [tensors.at_least_float32(gradient) for gradient in gradients]
        if self.p == 2:
            return tensors.scale(gradients, tensors.guarded_ratio(rho, tensors.norm(gradients)))
        # NaN where a gradient has overflowed: a sign would hide that.
        signs = [ops.sign(gradient) + (gradient - gradient) for gradient in gradients]
        if math.isinf(self.p):
            return tensors.scale(signs, rho)
        largest = tensors.largest(gradients)
        if self.p == 1:
            powers, length = self._largest_only(gradients, largest)
        else:
            # Relative to the largest entry no power overflows, however close p is to 1.
            powers, length = self._powers(
                [tensors.guarded_ratio(ops.abs(g), largest) for g in gradients]
            )
        factor = tensors.guarded_ratio(rho, length)
        return [sign * power * ops.cast(factor, power.dtype) for sign, power in zip(signs, powers)]

    def _largest_only(self, gradients: Vector, largest: Tensor) -> tuple[Vector, Tensor]:
        # Not by their ratio: XLA divides by multiplying with an inverse, and finds no 1.
        ties = [ops.cast(ops.equal(ops.abs(g), largest), g.dtype) for g in gradients]
        return ties, tensors.total(ops.sum(tie) for tie in ties)

    def _powers(self, ratios: Vector) -> tuple[Vector, Tensor]:
        q = self.p / (self.p - 1)
        powers = [_power(ratio, q - 1) for ratio in ratios]
        sum_of_q = tensors.total(ops.sum(_power(ratio, q)) for ratio in ratios)
        return powers, _power(sum_of_q, 1 / self.p)

    def project(
        self, perturbation: Vector, weights: Vector, rho: Tensor, roles: Sequence[Role]
    ) -> Vector:
        del weights, roles
        if math.isinf(self.p):
            return [
                ops.clip(t, -ops.cast(rho, t.dtype), ops.cast(rho, t.dtype)) for t in perturbation
            ]
        length = self.norm(perturbation)
        factor = ops.where(length > rho, tensors.guarded_ratio(rho, length), ops.ones_like(length))
        return tensors.scale(perturbation, factor)

    def norm(self, vector: Vector) -> Tensor:
        """The p-norm over all tensors of `vector`, for p below infinity."""
        if self.p == 2:
            return tensors.norm(vector)
        largest = tensors.largest(vector)
        ratios = [tensors.guarded_ratio(ops.abs(t), largest) for t in vector]
        return largest * _power(
            tensors.total(ops.sum(_power(r, self.p)) for r in ratios), 1 / self.p
        )

    def get_config(self) -> dict[str, Any]:
        return {"p": self.p}


def _power(base: Tensor, exponent: float) -> Tensor:
    """`base ** exponent` for a base of at least 0, with a finite derivative at 0."""
    is_zero = ops.equal(base, 0)
    positive = ops.where(is_zero, ops.ones_like(base), base)
    return ops.where(is_zero, ops.zeros_like(base), ops.power(positive, exponent))
