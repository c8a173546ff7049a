"""The first evaluation of a batch: where, and of which of its examples."""

import keras
from keras import ops

from keras_sam import tensors
from keras_sam.scope import only_if


class FirstPass:
    """The evaluation that owns a batch's metrics and state.

    Args:
        method: The `Method`.
        oracle: `GradientOracle` over all trainable weights.
        context: `keras_sam.memory.Context` of all of them.
        is_due: Whether `every` and `start` let the method act: `True` or a bool tensor.

    Attributes:
        lookahead: Where the descent wants it, over all weights; `None` for the weights.
        start: Where the ascent wants it, over the perturbed weights; `None` for the weights.
    """

    def __init__(self, method, oracle, context, is_due):
        self.method = method
        self.ascent = method.ascent
        self.oracle = oracle
        self.context = context
        self.is_due = is_due
        self.chosen = method.chosen(oracle.roles)
        self.around = oracle.over(self.chosen)
        self.inner = context.over(self.chosen)
        self.lookahead = method.descent.lookahead(oracle, context)
        self.start = self._start()

    def evaluation(self):
        """The `Evaluation`, with respect to all trainable weights."""
        oracle = self._part() if self.method.ascent_fraction < 1 else self.oracle
        offset = self.lookahead
        if self.start is not None:
            offset = spread(self.start, self.chosen, len(self.oracle.roles))
        return oracle.at(offset, self._weighting())

    def _start(self):
        """Where the ascent wants it; the weights themselves on a step where it rests."""
        start = self.ascent.start(self.around, self.inner)
        if start is None or self.is_due is True:
            return start
        return tensors.scale(start, ops.cast(self.is_due, "float32"))

    def _weighting(self):
        """Function from the examples' losses to their weights; all 1 where the method rests."""
        if not self.ascent.probes:
            return None
        probes = self._probes()
        if self.is_due is True:
            return lambda losses: self.ascent.weigh(losses, probes)
        return lambda losses: ops.where(
            self.is_due, self.ascent.weigh(losses, probes), ops.ones_like(losses)
        )

    def _probes(self):
        def probe():
            return self.ascent.probe(self.around, self.inner)

        if self.is_due is True:
            return probe()
        zeros = [ops.zeros((self.oracle.size,))] * self.ascent.probes
        return only_if(self.is_due, probe, lambda: zeros, self.context)

    def _part(self):
        """The oracle for a random part of the batch."""
        size, share = self.oracle.size, self.method.ascent_fraction
        order = keras.random.shuffle(ops.arange(size), seed=self.context.seed)
        if isinstance(size, int):
            return self.oracle.examples(order[: max(1, round(size * share))])
        count = ops.round(ops.cast(size, "float32") * share)
        return self.oracle.examples(order[: ops.maximum(1, ops.cast(count, "int32"))])


def spread(picked, chosen, count):
    """A vector over the chosen weights as one over all of them, `None` elsewhere."""
    full = [None] * count
    for index, tensor in zip(chosen, picked, strict=True):
        full[index] = tensor
    return full
