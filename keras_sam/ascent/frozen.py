"""The ascent of Flat-LoRA: noise in the frozen weights that adapters are merged into."""

import math
from collections.abc import Sequence

import keras
from keras import ops

from keras_sam import checks, keras_hooks
from keras_sam.ascent.ascent import Ascent
from keras_sam.ascent.filters import filter_noise
from keras_sam.exports import part
from keras_sam.roles import Role, role_of
from keras_sam.tensors import Tensor, Vector
from keras_sam.training.carriers import Context
from keras_sam.training.oracle import GradientOracle


@part
class FrozenNoiseAscent(Ascent):
    """Random noise in the frozen weights under LoRA's adapters, which stay where they are.

    Of a filter with n entries, of norm `||W_f||` with the adapters merged, each entry has a normal
    number times `rho ||W_f|| / sqrt(n)` added. The batch is evaluated there alone; only the weights
    that are trained have a gradient. Of masks counts which adapters they choose.

    Reference:
        Li et al., Flat-LoRA: Low-Rank Adaptation over a Flat Loss Landscape, ICML 2025,
        section 3.3.

    Example:

    >>> method = keras_sam.methods.Method(keras_sam.ascent.FrozenNoiseAscent(), rho=0.1)
    """

    is_closed_form = False
    is_one_pass = True
    starts_clean = False
    is_random = True
    needs_adapters = True

    def check(self, roles: Sequence[Role]) -> None:
        paths = ", ".join(role.variable.path for role in roles)
        layers = _adapted(roles)
        if not layers:
            raise ValueError(
                "The noise is for frozen weights under adapters of LoRA, and there are none among "
                "the weights to perturb: call enable_lora(rank) of some layers, or of a KerasHub "
                "backbone, before the model is wrapped, and let the mask have their adapters. "
                f"Received: {checks.shortened(paths)}"
            )
        quantized = [layer.path for layer in layers if not _is_float(layer)]
        if quantized:
            raise ValueError(
                "Noise cannot be added to weights that are quantized: enable LoRA in a model of "
                "floats, and quantize it after the training. "
                f"Received: {checks.shortened(', '.join(quantized))}"
            )

    def origin(self, oracle: GradientOracle, context: Context) -> Vector | None:
        return [ops.zeros_like(weight) for weight in oracle.weights]

    def frozen_offsets(
        self, oracle: GradientOracle, context: Context
    ) -> list[tuple[keras.Variable, Tensor]]:
        layers = _adapted(oracle.roles)
        frozen = [keras_hooks.frozen_weight(layer) for layer in layers]
        merged = [ops.stop_gradient(keras_hooks.merged_weight(layer)) for layer in layers]
        roles = [role_of(*pair) for pair in zip(frozen, layers, strict=True)]
        noise = filter_noise(merged, roles, context.seed)
        return [
            (
                role.variable,
                draw * ops.cast(context.rho, draw.dtype) / math.sqrt(_filter_size(role)),
            )
            for role, draw in zip(roles, noise, strict=True)
        ]


def _adapted(roles: Sequence[Role]) -> list[keras.layers.Layer]:
    """The layers under adapters, in their order."""
    return list(
        {id(role.adapts): role.adapts for role in roles if role.adapts is not None}.values()
    )


def _is_float(layer: keras.layers.Layer) -> bool:
    weight = keras_hooks.frozen_weight(layer)
    return weight is not None and keras.backend.is_float_dtype(weight.dtype)


def _filter_size(role: Role) -> int:
    shape = role.variable.shape
    return math.prod(n for axis, n in enumerate(shape) if axis not in role.filter_axes)
