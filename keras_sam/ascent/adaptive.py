"""The ascent of ASAM: a ball that is scaled with the weights."""

from collections.abc import Sequence
from typing import Any

from keras import ops

from keras_sam import checks, tensors
from keras_sam.ascent.ascent import Ascent
from keras_sam.ascent.dual_norm import DualNormAscent
from keras_sam.ascent.filters import filter_norms
from keras_sam.exports import part
from keras_sam.roles import Role
from keras_sam.tensors import Tensor, Vector

NORMALIZATIONS = ("element", "filter")
SCALED = ("weights", "all")


@part
class AdaptiveAscent(Ascent):
    """Steepest ascent on the ball of radius rho after dividing by the weights' size T.

    The perturbation is `T * dual(T * g)` with the dual-norm ascent of the same `p`, hence
    `rho T^2 g / ||T g||` for `p=2`, the norm running over all tensors together. T is `|w| +
    eta`, or for a kernel the Euclidean norm of the entry's filter, plus `eta`.

    Reference:
        Kwon et al., ASAM: Adaptive Sharpness-Aware Minimization for Scale-Invariant Learning
        of Deep Neural Networks, ICML 2021, equations 5 and 6.

    Args:
        p: Float of at least 1, or `math.inf`. Defaults to `2`.
        eta: Float of at least 0, the least size of a weight. Defaults to `0.01`.
        normalization: `"element"`, or `"filter"` to give each entry of a filter the filter's
            norm. Defaults to `"element"`.
        scaled: `"weights"` scales kernels, embeddings and gammas, and leaves T = 1 for biases
            and betas, as the authors do; `"all"` scales these too. The same rho means another
            radius in each. Defaults to `"weights"`.

    Raises:
        ValueError: If an argument is outside its range.

    Example:

    >>> ascent = keras_sam.ascent.AdaptiveAscent(eta=0.0, normalization="filter")
    """

    def __init__(
        self,
        p: float = 2,
        eta: float = 0.01,
        normalization: str = "element",
        scaled: str = "weights",
    ):
        self.dual_norm = DualNormAscent(p)
        self.eta = checks.non_negative("eta", eta)
        self.normalization = checks.one_of("normalization", normalization, NORMALIZATIONS)
        self.scaled = checks.one_of("scaled", scaled, SCALED)

    def direction(
        self, gradients: Vector, weights: Vector, rho: Tensor, roles: Sequence[Role]
    ) -> Vector:
        sizes = self._sizes(weights, roles)
        scaled = _multiply(sizes, gradients)
        return _multiply(sizes, self.dual_norm.direction(scaled, weights, rho, roles))

    def project(
        self, perturbation: Vector, weights: Vector, rho: Tensor, roles: Sequence[Role]
    ) -> Vector:
        sizes = self._sizes(weights, roles)
        relative = [
            t if size is None else tensors.guarded_ratio(t, size)
            for t, size in zip(perturbation, sizes, strict=True)
        ]
        return _multiply(sizes, self.dual_norm.project(relative, weights, rho, roles))

    def _sizes(self, weights: Vector, roles: Sequence[Role]) -> list[Tensor | None]:
        """T for each tensor; `None` where it is 1."""
        return [
            None
            if role.kind == "bias" and self.scaled == "weights"
            else self._size(tensors.at_least_float32(weight), role) + self.eta
            for weight, role in zip(weights, roles, strict=True)
        ]

    def _size(self, weight: Tensor, role: Role) -> Tensor:
        if self.normalization == "element" or not role.filter_axes:
            return ops.abs(weight)
        return filter_norms(weight, role)

    def get_config(self) -> dict[str, Any]:
        return {
            "p": self.dual_norm.p,
            "eta": self.eta,
            "normalization": self.normalization,
            "scaled": self.scaled,
        }


def _multiply(sizes: list[Tensor | None], vector: Vector) -> Vector:
    return [
        tensor if size is None else size * tensors.at_least_float32(tensor)
        for size, tensor in zip(sizes, vector, strict=True)
    ]
