"""The mean of the weights that training passes through."""

import warnings

import keras
import numpy as np
from keras import ops

from keras_sam import checks
from keras_sam.callbacks.statistics import Data, refreshed_statistics, trained_normalizations
from keras_sam.tensors import Vector, at_least_float32


class WeightAveraging(keras.callbacks.Callback):
    """Leaves the model with the mean of the weights that it passed through.

    SWA takes the weights after each epoch, dense averaging (as in SWAD) after every k-th update.
    When `fit` ends, the trainable weights become their arithmetic mean, and the statistics of
    the BatchNormalization layers in training become the mean over the batches of `data`, seen
    forward only at the averaged weights; nothing else is touched. Until then, validation and
    checkpoints see the weights of the last step. A frozen layer keeps its statistics.

    The mean itself is in no checkpoint: it starts again with each `fit`, one that
    `keras.callbacks.BackupAndRestore` resumes, too, unless `initial` has what was kept of it.
    Where several callbacks replace weights at the end, the last one in the list wins.

    Reference:
        Izmailov et al., Averaging Weights Leads to Wider Optima and Better Generalization,
        UAI 2018 (https://arxiv.org/abs/1803.05407), algorithm 1; Cha et al., SWAD, NeurIPS 2021
        (https://arxiv.org/abs/2102.08604), for dense averaging; Kaddour et al., When Do Flat
        Minima Optimizers Work?, NeurIPS 2022 (https://arxiv.org/abs/2202.00661), with SAM.

    Args:
        every: `"epoch"`, or a positive integer k: every k-th update of the optimizer after
            `start`. With `steps_per_execution`, weights are taken at the end of an execution
            in which such an update lies. Defaults to `"epoch"`.
        start: Integer of at least 0: how many epochs to pass over first; where `every` is an
            integer, how many updates, counted by `optimizer.iterations`. Defaults to `0`.
        stop: Integer above `start`, the epoch or update from which on weights are passed over
            again. Defaults to `None`, the end of training.
        data: Inputs for the statistics: arrays of shape (examples, …), in a dict where the
            model has several, in the order to batch them (so shuffle sorted ones); a tuple
            `(x, …)` of which these are the first; or a finite iterable (a list, a `tf.data`
            or `PyDataset`) of batches `x` or `(x, y, …)`. Needed only where a
            BatchNormalization layer is trained. Defaults to `None`.
        batch_size: Positive integer, for arrays. Defaults to `32`.
        initial: Tuple of the `count` and the `average` with which to begin, those of a `fit` that
            this one goes on from. Defaults to `None`.

    Attributes:
        average: List of NumPy arrays in float32 at least, one for each trainable weight in the
            model's order: the mean so far. Empty before the first.
        count: Integer, how many weights are in the mean.

    Raises:
        ValueError: If an argument is outside its range; when `fit` begins, if the model needs
            `data`; when it ends, if `data` has no batch.

    Example:

    >>> model = keras_sam.SAMModel(keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)]))
    >>> model.compile(optimizer="sgd", loss="mse")
    >>> averaging = keras_sam.callbacks.WeightAveraging(start=2)
    >>> x, y = np.ones((8, 4)), np.ones((8, 1))
    >>> history = model.fit(x, y, epochs=5, verbose=0, callbacks=[averaging])
    >>> averaging.count
    3
    """

    def __init__(
        self,
        every: int | str = "epoch",
        start: int = 0,
        stop: int | None = None,
        data: Data | None = None,
        batch_size: int = 32,
        initial: tuple[int, list[np.ndarray]] | None = None,
    ):
        super().__init__()
        self.every = _checked_every(every)
        self.start = checks.non_negative_integer("start", start)
        self.stop = _checked_stop(stop, self.start)
        self.data = data
        self.batch_size = checks.positive_integer("batch_size", batch_size)
        self.initial = None if initial is None else _checked_initial(initial)
        self.count = 0
        self._mean: Vector = []

    @property
    def average(self) -> list[np.ndarray]:
        """The mean so far: a list of NumPy arrays, empty before the first weights."""
        return [np.array(ops.convert_to_numpy(tensor)) for tensor in self._mean]

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self.count, average = self.initial or (0, [])
        self._mean = [ops.convert_to_tensor(array) for array in average]
        self._check_data()
        self._updates_every_batch = _updates_every_batch(self.model.optimizer)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._first = self._last = self._position(epoch)

    # The beginning of the next batch, as a callback on a batch's end makes Keras wait for the
    # logs of each; and only where weights are due is the model asked for them.
    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if self.every != "epoch":
            counted = self._updates_every_batch
            self._pass(self._first + batch if counted else self._num_updates())

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._pass(self._position(epoch + 1))

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        if not self.count:
            warnings.warn(
                "WeightAveraging leaves the model as it is: training ended before any weights "
                f"were due. Received: every={self.every!r}, start={self.start}",
                stacklevel=2,
            )
            return
        self.place_average()

    def place_average(self) -> None:
        """Gives the model the mean of the weights, with BatchNorm statistics that fit it."""
        self._check_data()
        weights, average = self._weights(), self.average
        statistics, values = refreshed_statistics(
            self.model, weights, average, self.data, self.batch_size
        )
        for variable, value in zip([*weights, *statistics], [*average, *values], strict=True):
            variable.assign(value)

    def _position(self, epoch: int) -> int:
        """How many epochs or updates are done."""
        return epoch if self.every == "epoch" else self._num_updates()

    def _num_updates(self) -> int:
        return int(ops.convert_to_numpy(self.model.optimizer.iterations))

    def _pass(self, position: int) -> None:
        """Go on to `position`, and take the weights where they came due on the way."""
        if self._num_due(position) > self._num_due(self._last):
            self._take()
        self._last = position

    def _num_due(self, position: int) -> int:
        end = position if self.stop is None else min(position, self.stop)
        return max(end - self.start, 0) // (1 if isinstance(self.every, str) else self.every)

    def _weights(self) -> list[keras.Variable]:
        """The trainable weights; float8 scales are not weights."""
        return [v for v in self.model.trainable_variables if not v.overwrite_with_gradient]

    def _take(self) -> None:
        weights = [at_least_float32(ops.stop_gradient(v.value)) for v in self._weights()]
        self.count += 1
        # Never a weight's own buffer: the next step overwrites it.
        mean = self._mean or [ops.zeros_like(weight) for weight in weights]
        self._mean = [m + (w - m) / self.count for m, w in zip(mean, weights, strict=True)]

    def _check_data(self) -> None:
        layers = trained_normalizations(self.model)
        if layers and self.data is None:
            raise ValueError(
                "BatchNormalization has to see data at the averaged weights; pass the training "
                "inputs, WeightAveraging(..., data=x_train). Received: data=None, for a model "
                f"with {len(layers)} trained BatchNormalization layer(s)"
            )


def _checked_every(every: int | str) -> int | str:
    if isinstance(every, str):
        return checks.one_of("every", every, ["epoch"])
    return checks.positive_integer("every", every)


def _checked_initial(initial: object) -> tuple[int, list[np.ndarray]]:
    match initial:
        case (int() as count, list() as average):
            return checks.non_negative_integer("the count of initial", count), average
    checks.refuse("initial", "the count and the average of an earlier fit", initial)


def _checked_stop(stop: int | None, start: int) -> int | None:
    if stop is None or checks.positive_integer("stop", stop) > start:
        return stop
    raise ValueError(f"stop must be above start. Received: stop={stop}, start={start}")


def _updates_every_batch(optimizer: keras.optimizers.Optimizer) -> bool:
    """Whether the batches of an epoch need only be counted to know the optimizer's updates."""
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return False  # It skips some.
    return not getattr(optimizer, "gradient_accumulation_steps", None)
