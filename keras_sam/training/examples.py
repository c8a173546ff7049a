"""The losses of single examples."""

from keras import ops

from keras_sam import backend
from keras_sam.training import batches
from keras_sam.training.scope import Scope


def losses(compute_loss, batch, predictions):
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
    size = batches.batch_size(x)
    ones = ops.ones((size,), "float32")

    def weighted(weights):
        weight = batches.multiplied(sample_weight, weights[0])
        with Scope(collect_losses=True):  # A loss of several outputs counts each as a metric.
            return compute_loss(x, y, predictions, weight), ()

    (shares,) = backend.value_and_gradient(weighted, [ones])[2]
    return ops.zeros_like(ones) if shares is None else shares * ops.cast(size, "float32")
