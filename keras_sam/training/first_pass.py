"""The first evaluation of a batch: where, and of which of its examples."""

import keras
from keras import ops

from keras_sam import tensors, true_gradient
from keras_sam.training.batches import share_of
from keras_sam.training.scope import only_if


class FirstPass:
    """The evaluation that owns a batch's metrics and state.

    Args:
        run: The `keras_sam.training.method_run.Run` of the batch.
        is_due: Whether `every` and `start` let the method act: `True` or a bool tensor.

    Attributes:
        lookahead: Where the descent wants it, over all weights; `None` for the weights.
        start: Where the ascent wants it, over the perturbed weights; `None` for the weights.
    """

    def __init__(self, run, is_due):
        self.method = run.method
        self.ascent = run.ascent
        self.oracle = run.oracle
        self.context = run.context
        self.chosen = run.chosen
        self.around = run.around
        self.inner = run.inner
        self.is_due = is_due
        self.lookahead = self._if_due(run.descent.lookahead(run.oracle, run.context))
        self.start = self._if_due(run.ascent.start(run.around, run.inner))

    def evaluation(self):
        """The `Evaluation`, with respect to all trainable weights."""
        oracle = self._part() if self.method.ascent_fraction < 1 else self.oracle
        offset = self.lookahead
        if self.start is not None:
            offset = spread(self.start, self.chosen, len(self.oracle.roles))
        # Of a pass that serves the descent itself, an ascent asks nothing.
        with true_gradient.asked(self.is_due if offset is None else False):
            return oracle.at(offset, self._weighting())

    def _if_due(self, offset):
        """The offset; nothing, which is the weights themselves, where the method rests."""
        if offset is None or self.is_due is True:
            return offset
        return tensors.scale(offset, ops.cast(self.is_due, "float32"))

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
        size = self.oracle.size
        order = keras.random.shuffle(ops.arange(size), seed=self.context.seed)
        return self.oracle.examples(order[: share_of(size, self.method.ascent_fraction)])


def spread(picked, chosen, count):
    """A vector over the chosen weights as one over all of them, `None` elsewhere."""
    full = [None] * count
    for index, tensor in zip(chosen, picked, strict=True):
        full[index] = tensor
    return full
