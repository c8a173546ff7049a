"""The ascent of ZSharp: along the entries that stand out in their tensor."""

import math
from collections.abc import Sequence
from typing import Any

from keras import ops

from keras_sam import checks, tensors
from keras_sam.ascent.ascent import Ascent
from keras_sam.exports import part
from keras_sam.roles import Role
from keras_sam.tensors import Tensor, Vector

ROUNDING = 1e-6  # Entries that are as far from the mean but for this are as far.


@part
class ZScoreAscent(Ascent):
    """Perturbs in each kernel the entries whose gradient is far from the kernel's mean.

    Of a tensor with two axes or more those entries stay whose `|g - mean(g)|` exceeds the
    quantile `percentile` of the tensor's; scaled to length rho, each tensor by itself, so that k
    kernels are perturbed by `rho sqrt(k)` together. Tensors of one axis, and those in which no
    entry exceeds the quantile, have their share of SAM's perturbation.

    Reference:
        Yun, Sharpness-Aware Minimization with Z-Score Gradient Filtering, NeurIPS 2025 workshop
        OPT, as in the author's code.

    Args:
        percentile: Float in [0, 1), share of the entries that are not perturbed.
            Defaults to `0.95`.

    Raises:
        ValueError: If `percentile` is outside its range.

    Example:

    >>> method = keras_sam.methods.Method(keras_sam.ascent.ZScoreAscent(percentile=0.9))
    """

    def __init__(self, percentile: float = 0.95):
        self.percentile = checks.share("percentile", percentile)

    def direction(
        self, gradients: Vector, weights: Vector, rho: Tensor, roles: Sequence[Role]
    ) -> Vector:
        gradients = [tensors.at_least_float32(gradient) for gradient in gradients]
        whole = tensors.scale(gradients, tensors.guarded_ratio(rho, tensors.norm(gradients)))
        return [self._filtered(*pair, rho) for pair in zip(gradients, whole, strict=True)]

    def _filtered(self, gradient: Tensor, whole: Tensor, rho: Tensor) -> Tensor:
        """The perturbation of a tensor; `whole` is what SAM's would be."""
        if len(gradient.shape) < 2:
            return whole
        kept = gradient * ops.cast(self._stands_out(gradient), gradient.dtype)
        length = tensors.norm([kept])
        alone = kept * ops.cast(tensors.guarded_ratio(rho, length), kept.dtype)
        return ops.where(length > 0, alone, whole)

    def _stands_out(self, gradient: Tensor) -> Tensor:
        """Whether each entry exceeds the quantile; the deviation would divide both sides."""
        distances = ops.abs(gradient - ops.mean(gradient))
        size = math.prod(gradient.shape)
        # No number lies between the quantile and the entry below it.
        count = size - math.floor(self.percentile * (size - 1))
        below = ops.top_k(ops.reshape(distances, (-1,)), count)[0][-1]
        return ops.stop_gradient(distances) > ops.stop_gradient(below) * (1 + ROUNDING)

    def get_config(self) -> dict[str, Any]:
        return {"percentile": self.percentile}
