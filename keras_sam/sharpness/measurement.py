"""What the callbacks share: when to measure, and where the numbers go."""

import math
import warnings
from typing import Any

import keras

from keras_sam import checks
from keras_sam.sharpness.errors import NonFiniteError, NotConvergedError


class Measurement(keras.callbacks.Callback):
    """Measures the model at the end of an epoch and adds the numbers to its logs.

    Measured are the first epoch of a `fit` and each `every`-th one; between them the logs repeat
    the last numbers, so that no column has holes. `History` has them all; list the callback
    before a `CSVLogger` or `TensorBoard`, which write what is there when their turn comes.

    The training is the same to the last bit with the callback and without it. Where a loss is not
    finite, or an iteration does not converge, the numbers are NaN, with a warning.

    Args:
        every: Positive integer. Defaults to `1`.
        prefix: String before each name in the logs. Defaults to `""`.

    Attributes:
        measured: Dictionary from the number of an epoch, from 1, to the numbers measured at its
            end, themselves a dictionary from names to floats.
    """

    async_safe = True  # Nothing here needs the logs of a batch.

    def __init__(self, every: int = 1, prefix: str = ""):
        super().__init__()
        self.every = checks.positive_integer("every", every)
        self.prefix = prefix
        self.measured: dict[int, dict[str, float]] = {}

    def prepare(self) -> Any:
        """What measuring one `fit` needs, made once the model is built."""
        raise NotImplementedError

    def measure(self, prepared: Any, epoch: int) -> dict[str, float]:
        """Dictionary from names to floats, for the model as it is."""
        raise NotImplementedError

    def names(self, prepared: Any) -> list[str]:
        """The keys of what `measure` returns, for where it cannot."""
        raise NotImplementedError

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self.measured = {}
        self._prepared = None

    def is_due(self, epoch: int) -> bool:
        """Whether the end of this epoch, counted from 0 as Keras does, is measured."""
        return not self.measured or (epoch + 1) % self.every == 0

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if self.is_due(epoch):
            if self._prepared is None:
                self._prepared = self.prepare()
            self.measured[epoch + 1] = self._measured(epoch + 1)
        latest = self.measured[max(self.measured)]
        if logs is not None:
            logs.update({f"{self.prefix}{name}": value for name, value in latest.items()})

    def _measured(self, epoch: int) -> dict[str, float]:
        try:
            return self.measure(self._prepared, epoch)
        except (NonFiniteError, NotConvergedError) as error:  # Training goes on.
            warnings.warn(f"Nothing was measured after epoch {epoch}: {error}", stacklevel=2)
            return dict.fromkeys(self.names(self._prepared), math.nan)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        self._prepared = None  # It holds the data and what was compiled.
