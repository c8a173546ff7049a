"""What a run minimises, and the metrics of it that are comparable between runs."""

from typing import Any

import keras
from keras import ops

from keras_sam.tensors import Tensor

TOP = 5  # Some tables have the error of the best five guesses as well.
CROSS_ENTROPY = "cross_entropy"
LABELS_SHARE = {"soft": 0.95, "hard": 0.8}  # Of a bootstrapped target: the paper's beta.


class BootstrappedCrossEntropy(keras.losses.Loss):
    """Cross-entropy with targets that are in part what the network itself says.

    Reference:
        Reed et al., Training Deep Neural Networks on Noisy Labels with Bootstrapping, ICLR
        workshop 2015 (https://arxiv.org/abs/1412.6596), equations 6 and 7.

    Args:
        kind: String, `"soft"` for the network's probabilities, `"hard"` for its first guess.
        label_smoothing: Share of a label spread over classes. Defaults to `0.0`.
    """

    def __init__(self, kind: str, label_smoothing: float = 0.0) -> None:
        super().__init__(name="bootstrapped_cross_entropy")
        self.kind = kind
        self.label_smoothing = label_smoothing

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Loss of each example: shape (batch,), from one-hot labels and logits."""
        classes = y_pred.shape[-1]
        logs = ops.log_softmax(y_pred)
        is_soft = self.kind == "soft"
        own = ops.exp(logs) if is_soft else ops.one_hot(ops.argmax(y_pred, -1), classes)
        labels = (1 - self.label_smoothing) * y_true + self.label_smoothing / classes
        share = LABELS_SHARE[self.kind]
        return -ops.sum((share * labels + (1 - share) * own) * logs, axis=-1)


def needs_one_hot(settings: dict[str, Any]) -> bool:
    """Whether labels are spread over classes, so that integers cannot hold them."""
    mixes = bool({"mixup", "cutmix"} & set(settings["augment"]))
    return mixes or bool(settings["label_smoothing"]) or bool(settings.get("bootstrap"))


def loss_and_metrics(settings: dict[str, Any], num_classes: int) -> dict[str, Any]:
    """The arguments `loss` and `metrics` of `compile` for a run's settings."""
    smoothing: dict[str, Any] = {"label_smoothing": settings["label_smoothing"]}
    loss: keras.losses.Loss
    if needs_one_hot(settings):
        loss = keras.losses.CategoricalCrossentropy(from_logits=True, **smoothing)
        entropy, top = keras.metrics.CategoricalCrossentropy, keras.metrics.TopKCategoricalAccuracy
    else:
        loss, smoothing = keras.losses.SparseCategoricalCrossentropy(from_logits=True), {}
        entropy = keras.metrics.SparseCategoricalCrossentropy
        top = keras.metrics.SparseTopKCategoricalAccuracy
    metrics: list[Any] = ["accuracy"]
    if num_classes > TOP:
        metrics.append(top(TOP, name="top5"))
    if settings.get("bootstrap"):
        loss = BootstrappedCrossEntropy(settings["bootstrap"], **smoothing)
    if settings.get("bootstrap") or settings.get("l2"):
        metrics.append(entropy(name=CROSS_ENTROPY, from_logits=True, **smoothing))
    return {"loss": loss, "metrics": metrics}


def reported(logs: dict[str, Any]) -> dict[str, float]:
    """The numbers of an epoch as a run keeps them.

    Where something is added to the cross-entropy, a decay or a bootstrap, `loss` and `val_loss`
    are the cross-entropy alone, as of other runs, and the whole is `objective`.
    """
    line = {key: float(value) for key, value in logs.items()}
    for prefix in ("", "val_"):
        entropy = line.pop(prefix + CROSS_ENTROPY, None)
        if entropy is not None:
            line[prefix + "objective"] = line[prefix + "loss"]
            line[prefix + "loss"] = entropy
    return line


def decay_through_loss(model: keras.Model, l2: float) -> None:
    """Adds `l2 / 2 * sum(w^2)` over all trainable weights to a model's loss.

    Biases and BatchNorm's parameters are decayed as well, as in google-research/sam. Nothing of
    it is in the file of the trained model.
    """
    for variable in model.trainable_variables:
        variable.regularizer = keras.regularizers.L2(l2 / 2)
