"""Which loss an objective has: the compiled one, or any of Keras's."""

import inspect
from collections.abc import Callable
from typing import TypeAlias

import keras
from keras import ops

from keras_sam import checks
from keras_sam import keras_hooks as hooks
from keras_sam.sharpness.masks import mask_of, with_mask
from keras_sam.tensors import Batch, Tensor
from keras_sam.training.scope import Scope

Loss: TypeAlias = str | keras.losses.Loss | Callable[[Tensor, Tensor], Tensor]
# Of inputs, targets, predictions and sample weights.
ComputeLoss: TypeAlias = Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]

MEANS = ("sum_over_batch_size", "mean")


class _Function(keras.losses.Loss):
    """The mean of a function of targets and predictions."""

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor]):
        super().__init__(name=getattr(function, "__name__", None))
        self.function = function

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return self.function(y_true, y_pred)


def loss_function(
    model: keras.Model, loss: Loss | None, training: bool, additional_losses: bool
) -> ComputeLoss:
    """The function `(x, y, predictions, sample_weight)` that gives the loss of a batch.

    Args:
        model: The compiled `keras.Model`, or the one that `loss` is for.
        loss: As in `Objective`.
        training: Bool, for a model with a `compute_loss` of its own.
        additional_losses: Whether regularisers and `add_loss` count.
    """
    own = None if loss is None else _as_loss(loss)

    def compute(x: Tensor, y: Tensor, predictions: Tensor, sample_weight: Tensor | None) -> Tensor:
        if own is not None:
            value = own(y, predictions, sample_weight)
            return value + additional() if additional_losses else value
        value = model.compute_loss(
            x=x, y=y, y_pred=predictions, sample_weight=sample_weight, training=training
        )
        # From a compiled loss, or one that a model overrides, they can only be taken away again.
        return value if additional_losses else value - additional()

    def additional() -> Tensor:
        return sum((ops.sum(part) for part in model.losses), start=0.0)

    return compute


def _as_loss(loss: Loss) -> keras.losses.Loss:
    loss = keras.losses.get(loss)
    return loss if isinstance(loss, keras.losses.Loss) else _Function(loss)


def check_has_loss(model: keras.Model, loss: Loss | None) -> None:
    """Refuses a model that has no loss where none is given."""
    if loss is None and not model.compiled and not hooks.overrides(model, "compute_loss"):
        raise ValueError(
            "Give a loss, or compile the model with one. "
            f"Received: loss=None and the model {model.name!r}, which is not compiled"
        )


def parts_of(model: keras.Model, loss: Loss | None) -> list[Loss]:
    """List of the losses, as they were given: the compiled ones where `loss` is `None`."""
    given = getattr(model, "loss", None) if loss is None else loss
    return [part for part in keras.tree.flatten(given) if part is not None]


def check_is_mean(model: keras.Model, loss: Loss | None) -> None:
    """Refuses a loss whose values for batches cannot be averaged by their sizes."""
    for part in parts_of(model, loss):
        reduction = getattr(part, "reduction", MEANS[0])
        if reduction not in MEANS:
            name = getattr(part, "name", part)
            raise ValueError(
                f"The loss of a batch must be a mean over its examples: give {name!r} one of "
                f"the reductions {', '.join(MEANS)}. Received: reduction={reduction!r}"
            )


def takes_logits(loss: Loss) -> bool | None:
    """Whether a loss is one of logits: `None` where it does not say."""
    loss = keras.losses.get(loss)
    if isinstance(loss, keras.losses.Loss):
        return getattr(loss, "from_logits", None)
    parameter = inspect.signature(loss).parameters.get("from_logits")
    return None if parameter is None else bool(parameter.default)


def check_of_logits(model: keras.Model, loss: Loss | None) -> None:
    """Refuses a loss of probabilities, which normalised predictions are not."""
    for part in parts_of(model, loss):
        if takes_logits(part) is False:
            raise ValueError(
                "Logits can be normalised where the model returns them: leave its last softmax "
                "out, and give the loss from_logits=True. "
                f"Received: the loss {part!r} of probabilities"
            )


def normalized(predictions: Tensor) -> Tensor:
    """Logits less their mean, over their Euclidean norm, for each example.

    Networks whose logits differ in scale alone become the same (methods of Andriushchenko et
    al., A Modern Look at the Relationship between Sharpness and Generalization, ICML 2023).
    """

    def of_one(logits: Tensor) -> Tensor:
        if logits.shape[-1] == 1:
            raise ValueError(
                "A single output less its mean is zero: logits can be normalised of two classes "
                f"at least. Received: predictions of shape {tuple(logits.shape)}"
            )
        centred = logits - ops.mean(logits, axis=-1, keepdims=True)
        squares = ops.sum(ops.square(centred), axis=-1, keepdims=True)
        # The floor of 1e-10 is on the norm; under the root it also keeps the derivative finite.
        scaled = centred / ops.sqrt(ops.maximum(squares, 1e-20))
        return with_mask(scaled, mask_of(logits))

    return keras.tree.map_structure(of_one, predictions)


def of_normalized(compute: ComputeLoss) -> ComputeLoss:
    """`compute` for normalised logits."""
    return lambda x, y, predictions, sample_weight: compute(
        x, y, normalized(predictions), sample_weight
    )


def build(model: keras.Model, batch: Batch) -> None:
    """Lets a compiled model make what its loss needs, which it could not in a scope."""
    if hooks.has_unbuilt_loss(model):
        with Scope():
            predictions = model(batch[0])
        hooks.build_compiled(model, batch, predictions)


class ZeroOneError(keras.losses.Loss):
    """1 for each example that is classified wrongly, else 0. It has no gradient.

    Args:
        threshold: Number above which a single output says class 1: `0.0` for a logit. Defaults
            to `0.5`, for a probability. With more outputs the largest one wins.

    Example:

    >>> from keras_sam import sharpness
    >>> float(sharpness.ZeroOneError()(np.array([0, 1]), np.array([[2.0, 1.0], [3.0, 0.0]])))
    0.5
    """

    def __init__(self, threshold: float = 0.5):
        super().__init__(name="zero_one_error")
        self.threshold = checks.number("threshold", threshold)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        if not hasattr(y_pred, "shape"):
            raise ValueError(
                "ZeroOneError is for models of one output. "
                f"Received: predictions that are a {type(y_pred).__name__}"
            )
        if y_pred.shape[-1] == 1:
            predicted = y_pred > self.threshold
            wanted = ops.reshape(y_true, ops.shape(y_pred)) > 0.5
            return ops.cast(ops.not_equal(predicted, wanted)[..., 0], "float32")
        predicted = ops.argmax(y_pred, axis=-1)
        is_one_hot = len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] != 1
        wanted = ops.argmax(y_true, axis=-1) if is_one_hot else y_true
        wanted = ops.cast(ops.reshape(wanted, ops.shape(predicted)), predicted.dtype)
        return ops.cast(ops.not_equal(predicted, wanted), "float32")
