"""The ascent of SSAM-D: which entries are perturbed changes with the training."""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_sam import checks
from keras_sam.ascent import ranking
from keras_sam.ascent.ascent import Ascent
from keras_sam.ascent.sparse import SparseAscent
from keras_sam.exports import part
from keras_sam.tensors import Tensor, Vector
from keras_sam.training.carriers import Context
from keras_sam.training.oracle import GradientOracle

GROWTHS = ("random", "gradient", "weight")


@part
class DynamicAscent(SparseAscent):
    """Drops the perturbed entries of the smallest gradient and lets others grow: SSAM-D.

    Reference:
        Mi et al., Make Sharpness-Aware Minimization Stronger: A Sparsified Perturbation
        Approach, NeurIPS 2022, algorithm 3.

    Args:
        step: The closed-form `Ascent` to follow. Defaults to `DualNormAscent()`.
        sparsity: Float in [0, 1), share of the entries that stay. Defaults to `0.5`.
        update_every: Positive integer, updates of the optimizer. Defaults to `100`.
        drop_rate: Float in [0, 1), share of the perturbed entries to change. Defaults to `0.5`.
        growth: `"random"`, or `"gradient"` or `"weight"` for the largest of these. Defaults to
            `"random"`.
        total_steps: Positive integer, updates over which the drop rate falls to 0 along a
            cosine. Defaults to `None`: it stays.

    Raises:
        ValueError: If an argument is outside its range.

    Example:

    >>> ascent = keras_sam.ascent.DynamicAscent(sparsity=0.8, total_steps=10_000)
    """

    is_random = True

    def __init__(
        self,
        step: Ascent | None = None,
        sparsity: float = 0.5,
        update_every: int = 100,
        drop_rate: float = 0.5,
        growth: str = "random",
        total_steps: int | None = None,
    ):
        super().__init__(step, sparsity, update_every)
        self.drop_rate = checks.share("drop_rate", drop_rate)
        self.growth = checks.one_of("growth", growth, GROWTHS)
        if total_steps is not None:
            checks.positive_integer("total_steps", total_steps)
        self.total_steps = total_steps

    def initial_mask(self, shapes: list[tuple[int, ...]]) -> list[np.ndarray]:
        size = sum(math.prod(shape) for shape in shapes)
        # NumPy's generator: the seed of `keras.utils.set_random_seed` holds for it as well.
        flat = np.random.permutation(size) < self.kept(size)
        bounds = np.cumsum([math.prod(shape) for shape in shapes])[:-1]
        parts = np.split(flat.astype("float64"), bounds)
        return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]

    def renewed(
        self, mask: Tensor, oracle: GradientOracle, gradients: Vector, context: Context
    ) -> Tensor:
        size = mask.shape[0]
        density = self.kept(size)
        dropped = ops.cast(ops.round(density * self._drop_rate(context.iteration)), "int32")
        dropped = ops.minimum(dropped, size - density)
        magnitudes = ops.abs(ranking.flattened(gradients))
        is_on = mask > 0
        stays = ranking.ranks(ops.where(is_on, magnitudes, -1.0)) < density - dropped
        scores = self._growth_scores(magnitudes, oracle, context)
        grows = ranking.ranks(ops.where(is_on, -1.0, scores)) < dropped
        return ops.cast(ops.logical_or(stays, grows), mask.dtype)

    def _drop_rate(self, iteration: Tensor) -> Tensor:
        if self.total_steps is None:
            return ops.convert_to_tensor(self.drop_rate)
        done = ops.minimum(ops.cast(iteration, "float32") / self.total_steps, 1.0)
        return self.drop_rate / 2 * (1 + ops.cos(math.pi * done))

    def _growth_scores(
        self, magnitudes: Tensor, oracle: GradientOracle, context: Context
    ) -> Tensor:
        if self.growth == "gradient":
            return magnitudes
        if self.growth == "weight":
            return ops.abs(ranking.flattened(oracle.weights))
        return keras.random.uniform(magnitudes.shape, dtype=magnitudes.dtype, seed=context.seed)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "drop_rate": self.drop_rate,
            "growth": self.growth,
            "total_steps": self.total_steps,
        }
