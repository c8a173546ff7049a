"""Parts of a nested batch: micro-batches, some examples, the loss of each example."""

import itertools
from collections.abc import Callable

import keras
from keras import ops

from keras_sam import backend
from keras_sam.tensors import Batch, Tensor, Vector
from keras_sam.training.scope import Pass


def batch_size(x: Tensor) -> int | Tensor:
    """Number of examples: an int where it is known, else a scalar tensor.

    Args:
        x: Nested tensors with a leading batch axis; `None` leaves are passed over.
    """
    first = next(leaf for leaf in keras.tree.flatten(x) if leaf is not None)
    return ops.shape(first)[0]


def split(batch: Batch, num_splits: int) -> list[tuple[Batch, int | Tensor]]:
    """Cuts a batch into micro-batches whose sizes differ by at most one.

    Args:
        batch: `(x, y, sample_weight)`, nested tensors with a leading batch axis.
        num_splits: Positive integer.

    Returns:
        List of `(micro_batch, size)`; without the empty ones where sizes are known.
    """
    size = batch_size(batch[0])
    bounds = [(size * part) // num_splits for part in range(num_splits + 1)]
    parts = []
    for start, stop in itertools.pairwise(bounds):
        if isinstance(size, int) and start == stop:
            continue
        parts.append((_cut(batch, start, stop), stop - start))
    return parts


def _cut(batch: Batch, start: int, stop: int) -> Batch:
    return _mapped(lambda leaf: leaf[start:stop], batch)


def after(batch: Batch, tensors: Vector) -> Batch:
    """The batch, of which nothing is computed before these tensors are."""
    return _mapped(lambda leaf: backend.once_known(leaf, tensors), batch)


def take(batch: Batch, indices: Tensor) -> Batch:
    """The examples of a batch at some indices.

    Args:
        batch: Nested tensors with a leading batch axis; `None` leaves stay.
        indices: Integer tensor of shape `(examples,)`.
    """
    return _mapped(lambda leaf: ops.take(leaf, indices, axis=0), batch)


def _mapped(function: Callable[[Tensor], Tensor], batch: Batch) -> Batch:
    """The batch with its leaves mapped; those that are `None` stay."""
    return keras.tree.map_structure(lambda leaf: None if leaf is None else function(leaf), batch)


def multiplied(sample_weight: Tensor | None, weights: Tensor) -> Tensor:
    """`sample_weight` times one more weight for each example.

    Args:
        sample_weight: Nested tensors with a leading batch axis, or `None` for ones.
        weights: Tensor of shape `(batch,)`.
    """
    if sample_weight is None:
        return weights

    def product(leaf: Tensor) -> Tensor:
        column = ops.reshape(weights, (-1,) + (1,) * (len(leaf.shape) - 1))
        return ops.cast(leaf, weights.dtype) * column

    return keras.tree.map_structure(product, sample_weight)


def share_of(size: int | Tensor, share: float) -> int | Tensor:
    """How many examples a share of a batch has: rounded, and at least one.

    Args:
        size: Number of examples, an int or a scalar tensor.
        share: Float in (0, 1].
    """
    if isinstance(size, int):
        return max(1, round(size * share))
    count = ops.round(ops.cast(size, "float32") * share)
    return ops.maximum(1, ops.cast(count, "int32"))


def example_losses(
    compute_loss: Callable[..., Tensor], batch: Batch, predictions: Tensor
) -> Tensor:
    """What each example adds to the loss of these predictions, times the batch size.

    The loss is linear in the examples' weights, so its derivative by a weight is the example's
    share, whatever the losses, their outputs and their reduction.

    Args:
        compute_loss: Function `(x, y, predictions, sample_weight)`.
        batch: `(x, y, sample_weight)`.
        predictions: Nested tensors, the model's outputs for the batch.

    Returns:
        Tensor of shape `(batch,)`, in float32.
    """
    x, y, sample_weight = batch
    size = batch_size(x)
    ones = ops.ones((size,), "float32")

    def weighted(weights: Vector) -> tuple[Tensor, tuple[()]]:
        weight = multiplied(sample_weight, weights[0])
        with Pass():  # A loss of several outputs counts each as a metric.
            return compute_loss(x, y, predictions, weight), ()

    (shares,) = backend.value_and_gradient(weighted, [ones])[2]
    return ops.zeros_like(ones) if shares is None else shares * ops.cast(size, "float32")
