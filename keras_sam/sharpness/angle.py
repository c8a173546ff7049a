"""How much the gradients of two sharpness-aware methods point the same way."""

from typing import Any

import keras
import numpy as np

from keras_sam import checks
from keras_sam.sharpness.gradients import Gradients, Method, Others
from keras_sam.sharpness.losses import Loss
from keras_sam.sharpness.measurement import Measurement
from keras_sam.tensors import Nested

COMPARED = ("second_order", "multistep")


def gradient_cosines(
    model: keras.Model,
    x: Nested,
    y: Nested,
    sample_weight: np.ndarray | None = None,
    rho: float | None = None,
    others: Others = COMPARED,
    reference: str | Method = "sam",
    loss: Loss | None = None,
) -> dict[str, float]:
    """Cosines between one method's gradient and those of others, on a batch.

    Each is what the method would hand to the optimizer, of all trainable weights together, with
    the model in training mode and the same dropout masks for all. Nothing of the model changes.

    Reference:
        Foret et al., Sharpness-Aware Minimization for Efficiently Improving Generalization,
        ICLR 2021 (https://arxiv.org/abs/2010.01412), appendices C.4 and C.6.

    Args:
        model: A built `keras.Model`, a `SAMModel` or any other.
        x: Array (examples, …), or nested arrays, of one batch.
        y: Array (examples, …), its targets.
        sample_weight: Array (examples,). Defaults to `None`.
        rho: Float of at least 0, the radius of all methods. Defaults to `None`: the radius of a
            `SAMModel`, or 0.05 for another model.
        others: Sequence of names from `keras_sam.methods.list()`, or a dictionary from a label
            to a name or `keras_sam.methods.Method`. Defaults to
            `("second_order", "multistep")`.
        reference: Name or `Method` to compare them with. Defaults to `"sam"`.
        loss: Name, `keras.losses.Loss` or function `(y_true, y_pred)`. Defaults to `None`, the
            compiled one.

    Returns:
        Dictionary from each label to a float in [-1, 1]; NaN where a gradient is zero.

    Raises:
        ValueError: If a method is unknown, draws numbers, keeps something between steps or skips
            some; or the model has no loss.

    Example:

    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    >>> x, y = np.eye(4), np.array([[3.0], [1.0], [0.0], [2.0]])
    >>> cosines = keras_sam.sharpness.gradient_cosines(model, x, y, loss="mse")
    >>> cosines["second_order"] > 0.99
    True
    """
    return Gradients(model, others, reference, loss).cosines((x, y, sample_weight), rho)


class GradientAngle(Measurement):
    """Logs how much the gradients of sharpness-aware methods agree, over a training.

    For each label it logs `cosine_<label>`, as `gradient_cosines` has it on the batch given.
    When it measures and what the logs hold in between is as with `SharpnessCallback`.

    Args:
        x: Array (examples, …), or nested arrays, of the batch.
        y: Array (examples, …), its targets.
        sample_weight: Array (examples,). Defaults to `None`.
        rho: Float of at least 0. Defaults to `None`: the radius that a `SAMModel` has at the
            time, or 0.05 for another model.
        others: Names or `Method`s, as in `gradient_cosines`. Defaults to
            `("second_order", "multistep")`.
        reference: Name or `Method` to compare them with. Defaults to `"sam"`.
        loss: As in `gradient_cosines`. Defaults to `None`, the compiled one.
        every: Positive integer, epochs. Defaults to `1`.
        prefix: String before each label in the logs. Defaults to `"cosine_"`.

    Attributes:
        measured: Dictionary from the number of an epoch, from 1, to a dictionary from labels to
            cosines.

    Raises:
        ValueError: If a number is outside its range; when `fit` measures first, as
            `gradient_cosines` does.

    Example:

    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    >>> model.compile(optimizer="sgd", loss="mse")
    >>> x, y = np.eye(4, dtype="float32"), np.ones((4, 1), "float32")
    >>> angle = keras_sam.sharpness.GradientAngle(x, y, others=["asam"])
    >>> history = model.fit(x, y, epochs=2, verbose=0, callbacks=[angle])
    >>> len(history.history["cosine_asam"])
    2
    """

    def __init__(
        self,
        x: Nested,
        y: Nested,
        sample_weight: np.ndarray | None = None,
        rho: float | None = None,
        others: Others = COMPARED,
        reference: str | Method = "sam",
        loss: Loss | None = None,
        every: int = 1,
        prefix: str = "cosine_",
    ):
        super().__init__(every, prefix)
        self.batch = (x, y, sample_weight)
        self.rho = None if rho is None else checks.non_negative("rho", rho)
        self.options: dict[str, Any] = {"others": others, "reference": reference, "loss": loss}

    def prepare(self) -> Gradients:
        return Gradients(self.model, **self.options)

    def measure(self, prepared: Gradients, epoch: int) -> dict[str, float]:
        return prepared.cosines(self.batch, self.rho)

    def names(self, prepared: Gradients) -> list[str]:
        return prepared.labels
