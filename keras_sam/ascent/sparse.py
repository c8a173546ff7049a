"""The ascents of SSAM: some entries of the weights are perturbed, the others are not."""

from typing import Any

import numpy as np
from keras import ops

from keras_sam import checks, tensors
from keras_sam.ascent import ranking
from keras_sam.ascent.around import AscentAround
from keras_sam.ascent.ascent import Ascent
from keras_sam.exports import part
from keras_sam.tensors import Tensor, Vector
from keras_sam.training.carriers import Context
from keras_sam.training.memory import Slot
from keras_sam.training.oracle import GradientOracle
from keras_sam.training.scope import only_if


class SparseAscent(AscentAround):
    """Another ascent's perturbation, with a mask of zeros and ones upon it.

    The norm is that of the whole gradient: the masked perturbation is shorter than rho. The
    mask is renewed after each step whose number is a multiple of `update_every`, and acts from
    the next step on.

    Args:
        step: The closed-form `Ascent` to follow. Defaults to `DualNormAscent()`.
        sparsity: Float in [0, 1), share of the entries that stay. Defaults to `0.5`.
        update_every: Positive integer, updates of the optimizer. Defaults to `100`.
    """

    counts_updates = True

    def __init__(self, step: Ascent | None = None, sparsity: float = 0.5, update_every: int = 100):
        super().__init__(step)
        self.sparsity = checks.share("sparsity", sparsity)
        self.update_every = checks.positive_integer("update_every", update_every)

    def slots(self) -> dict[str, Slot]:
        return {"mask": Slot(initial=self.initial_mask, is_averaged=False)}

    def initial_mask(self, shapes: list[tuple[int, ...]]) -> list[np.ndarray]:
        """The first mask: list of arrays of these shapes."""
        raise NotImplementedError

    def renewed(
        self, mask: Tensor, oracle: GradientOracle, gradients: Vector, context: Context
    ) -> Tensor:
        """The next mask, flat, from the present one."""
        raise NotImplementedError

    def kept(self, size: int) -> int:
        """How many of `size` entries are perturbed."""
        return round(size * (1 - self.sparsity))

    def perturbation(self, oracle: GradientOracle, gradients: Vector, context: Context) -> Vector:
        mask = context.state["mask"]
        full = self.along(gradients, oracle, context.rho)
        return [part * ops.cast(m, part.dtype) for part, m in zip(full, mask, strict=True)]

    def learn(self, oracle: GradientOracle, gradients: Vector, context: Context) -> None:
        if not context.is_first_part:  # The first micro-batch renews the mask for all.
            return
        mask = context.state["mask"]
        is_due = ops.equal(ops.mod(ops.cast(context.iteration, "int32"), self.update_every), 0)

        def renew() -> tuple[()]:
            flat = self.renewed(ranking.flattened(mask), oracle, gradients, context)
            tensors.assign(mask, ranking.shaped(flat, mask))
            return ()

        only_if(is_due, renew, lambda: (), context)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "sparsity": self.sparsity,
            "update_every": self.update_every,
        }


@part
class FisherAscent(SparseAscent):
    """Perturbs the entries of the largest Fisher information: SSAM-F.

    The information is the sum of the squared gradients of single examples, the first ones of the
    batch, in inference mode: BatchNorm has no variance over one example. At first the mask is
    empty, so the first step is the optimizer's own.

    Reference:
        Mi et al., Make Sharpness-Aware Minimization Stronger: A Sparsified Perturbation
        Approach, NeurIPS 2022, algorithm 2.

    Args:
        step: The closed-form `Ascent` to follow. Defaults to `DualNormAscent()`.
        sparsity: Float in [0, 1), share of the entries that stay. Defaults to `0.5`.
        update_every: Positive integer, updates of the optimizer. Defaults to `100`.
        fisher_samples: Positive integer, examples. Defaults to `16`.

    Raises:
        ValueError: If an argument is outside its range.

    Example:

    >>> ascent = keras_sam.ascent.FisherAscent(sparsity=0.8)
    """

    takes_examples = True

    def __init__(
        self,
        step: Ascent | None = None,
        sparsity: float = 0.5,
        update_every: int = 100,
        fisher_samples: int = 16,
    ):
        super().__init__(step, sparsity, update_every)
        self.fisher_samples = checks.positive_integer("fisher_samples", fisher_samples)

    def initial_mask(self, shapes: list[tuple[int, ...]]) -> list[np.ndarray]:
        return [np.zeros(shape) for shape in shapes]

    def renewed(
        self, mask: Tensor, oracle: GradientOracle, gradients: Vector, context: Context
    ) -> Tensor:
        scores = ranking.flattened(self.information(oracle))
        return ops.cast(ranking.ranks(scores) < self.kept(scores.shape[0]), mask.dtype)

    def information(self, oracle: GradientOracle) -> Vector:
        """Sum over examples of their squared gradients: list of tensors."""
        size = oracle.size
        fixed = isinstance(size, int)
        count = min(size, self.fisher_samples) if fixed else ops.minimum(size, self.fisher_samples)

        def add(index: Tensor, sums: Vector) -> Vector:
            single = oracle.examples(ops.reshape(index, (1,)))
            gradients = single.at(training=False).gradients
            return [
                s + ops.square(tensors.at_least_float32(gradient))
                for s, gradient in zip(sums, gradients, strict=True)
            ]

        zeros = [ops.zeros(w.shape, tensors.float_type(w.dtype)) for w in oracle.weights]
        return ops.fori_loop(0, count, add, zeros)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "fisher_samples": self.fisher_samples}
