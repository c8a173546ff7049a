"""Ascents that scale the gradient differently in each layer."""

import itertools
import math
from collections.abc import Sequence
from typing import Any, Self

from keras import ops

from keras_sam import checks, tensors
from keras_sam.ascent.ascent import Ascent
from keras_sam.exports import part
from keras_sam.roles import Role
from keras_sam.tensors import Tensor, Vector

PRESETS = ("mup2", "naive", "global", "balanced")


@part
class LayerwiseAscent(Ascent):
    """Steps in each tensor in proportion to the tensor: `rho ||w_l|| / ||g_l|| g_l`.

    The rule of LARS. A reading of Look-LayerSAM, whose code was never published.

    Reference:
        Liu et al., Towards Efficient and Scalable Sharpness-Aware Minimization, CVPR 2022.

    Example:

    >>> method = keras_sam.methods.Method(keras_sam.ascent.LayerwiseAscent(), rho=0.01)
    """

    def direction(
        self, gradients: Vector, weights: Vector, rho: Tensor, roles: Sequence[Role]
    ) -> Vector:
        return [
            gradient * ops.cast(self._factor(gradient, weight, rho), gradient.dtype)
            for gradient, weight in zip(map(tensors.at_least_float32, gradients), weights)
        ]

    def _factor(self, gradient: Tensor, weight: Tensor, rho: Tensor) -> Tensor:
        return rho * tensors.guarded_ratio(tensors.norm([weight]), tensors.norm([gradient]))


@part
class WidthScaledAscent(Ascent):
    """Steps in each layer so that rho means the same at every width: the ascent of muP^2.

    A tensor's gradient is multiplied by its growth against a base model, `f = (fan out / base
    fan out) / (fan in / base fan in)`; with n the ratio farthest from 1 the perturbation is
    `rho sqrt(n) f_l g_l / ||(f_1 g_1, …)||`. Biases, gammas and betas count as inputs: their fan
    in is fixed. Without base widths it is SAM's.

    Reference:
        Haas et al., muP^2: Effective Sharpness Aware Minimization Requires Layerwise
        Perturbation Scaling, NeurIPS 2024.

    Args:
        base_widths: Dict from the size of an axis in the model to its size in the base model,
            such as `{512: 64}`; other axes count as fixed. Defaults to `None`, no scaling.
        base_shapes: List of the shapes of the base model's trainable variables, in their order,
            instead of `base_widths`. Defaults to `None`.
        preset: `"mup2"`, or for comparison `"naive"` (no scaling), `"global"` (`rho / sqrt(n)`)
            or `"balanced"` (gradients of one size). Defaults to `"mup2"`.

    Raises:
        ValueError: If an argument is outside its range or both bases are given, or, at the first
            step, if the base model has other variables.

    Example:

    >>> ascent = keras_sam.ascent.WidthScaledAscent({512: 64})
    """

    def __init__(
        self,
        base_widths: dict[int, int] | None = None,
        base_shapes: Sequence[tuple[int, ...]] | None = None,
        preset: str = "mup2",
    ):
        if base_widths is not None and base_shapes is not None:
            raise ValueError(
                "Give base_widths or the shapes of a base model, not both. Received: "
                f"{checks.received(base_widths=base_widths, base_shapes=base_shapes)}"
            )
        self.base_widths = {} if base_widths is None else _checked_widths(base_widths)
        self.base_shapes = None if base_shapes is None else _checked_shapes(base_shapes)
        self.preset = checks.one_of("preset", preset, PRESETS)

    def direction(
        self, gradients: Vector, weights: Vector, rho: Tensor, roles: Sequence[Role]
    ) -> Vector:
        gradients = [tensors.at_least_float32(gradient) for gradient in gradients]
        ratios = [self.ratios(role) for role in roles]
        # The ratio of widths, of a narrower model too; axes that are fixed have ratio 1.
        width = max(itertools.chain(*ratios), key=lambda ratio: abs(math.log(ratio)))
        within, overall = self._factors(ratios, width)
        scaled = [gradient * factor for gradient, factor in zip(gradients, within, strict=True)]
        length = tensors.guarded_ratio(rho * overall, tensors.norm(scaled))
        return tensors.scale(scaled, length)

    def ratios(self, role: Role) -> Tensor:
        """`(fan in, fan out)` of a variable, each divided by that of the base model."""
        shape = tuple(role.variable.shape)
        growth = [size / base for size, base in zip(shape, self._base(role, shape), strict=True)]
        if not role.filter_axes:
            return 1.0, math.prod(growth)
        if role.kind == "embedding":  # Rows are looked up, not summed over: an input layer.
            return growth[0], math.prod(growth[1:])
        out = math.prod(growth[axis] for axis in role.filter_axes)
        return math.prod(growth) / out, out

    def _base(self, role: Role, shape: Sequence[int]) -> Sequence[int]:
        if self.base_shapes is None:
            return [self.base_widths.get(size, size) for size in shape]
        base = self.base_shapes[role.index] if role.index < len(self.base_shapes) else ()
        if len(base) != len(shape):
            raise ValueError(
                "base_shapes must be those of the same architecture in another width. Received: "
                f"{base} for {role.variable.path} of shape {shape}"
            )
        return base

    def _factors(
        self, ratios: list[tuple[float, float]], width: float
    ) -> tuple[list[float], float]:
        """Factor of each gradient inside the norm, and of all outside."""
        if self.preset in ("naive", "global"):
            overall = 1.0 if self.preset == "naive" else width**-0.5
            return [1.0] * len(ratios), overall
        power = 1.0 if self.preset == "mup2" else 0.5
        growth = [(fan_out / fan_in) ** power for fan_in, fan_out in ratios]
        return growth, width**0.5 if self.preset == "mup2" else width**-0.5

    def get_config(self) -> dict[str, Any]:
        widths = {str(size): base for size, base in self.base_widths.items()}
        return {
            "base_widths": None if self.base_shapes is not None else widths,
            "base_shapes": self.base_shapes and [list(shape) for shape in self.base_shapes],
            "preset": self.preset,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        widths = config["base_widths"]  # JSON has strings for keys.
        return cls(**{**config, "base_widths": widths and {int(n): widths[n] for n in widths}})


def _checked_widths(widths: dict[int, int]) -> dict[int, int]:
    if not isinstance(widths, dict):
        checks.refuse("base_widths", "a dictionary from sizes to sizes, such as {512: 64}", widths)
    return {
        checks.positive_integer("base_widths", size): checks.positive_integer(
            f"base_widths[{size}]", base
        )
        for size, base in widths.items()
    }


def _checked_shapes(shapes: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
    is_list = isinstance(shapes, list | tuple)
    if not is_list or not all(isinstance(shape, list | tuple) for shape in shapes):
        checks.refuse("base_shapes", "a list of shapes, such as [(64, 10), (10,)]", shapes)
    return [
        tuple(checks.positive_integer("base_shapes", size) for size in shape) for shape in shapes
    ]
