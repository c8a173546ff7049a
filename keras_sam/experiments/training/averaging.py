"""The average of a run's weights, which takes their place before the last evaluation."""

from typing import Any

from keras_sam import backend
from keras_sam.callbacks import WeightAveraging
from keras_sam.callbacks.statistics import Data, moving_statistics, trained_normalizations
from keras_sam.experiments.results.files import AGAIN, RunError
from keras_sam.experiments.results.folder import RunFolder
from keras_sam.training.processes import agree


class FinalAverage(WeightAveraging):
    """SWA, of whose average the last evaluation and the model in the run's folder are.

    The mean is kept beside each checkpoint, so that a run that was stopped ends at the same
    weights.

    Args:
        folder: The run's `RunFolder`.
        completed: Integer, the epochs that the run has behind it.
        data: The training inputs, for the statistics of BatchNorm.
    """

    def __init__(self, folder: RunFolder, completed: int, data: Data) -> None:
        self.folder = folder
        self.epochs = folder.settings["epochs"]
        start = min(int(folder.settings["average_start"] * self.epochs), self.epochs - 1)
        initial = backend.told_by_first(folder.average(completed))
        if completed > start and initial is None:
            raise RunError(
                f"{folder.path} must hold the mean of the weights after epoch {completed}, as it "
                f"has a checkpoint of then: {AGAIN}. Received: none"
            )
        super().__init__(start=start, data=data, initial=initial)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        super().on_epoch_begin(epoch, logs)
        self.epoch = epoch

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        if self.epoch == self.epochs - 1:
            self._pass(self.epochs)
            self.place_average()
            if backend.num_processes() > 1:  # Each has the statistics of its own batches.
                agree(moving_statistics(trained_normalizations(self.model)), is_averaged=True)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        super().on_epoch_end(epoch, logs)  # After the evaluation: of the last epoch, nothing.
        if self.count and logs and "val_loss" in logs:  # Then there is a checkpoint as well.
            self.folder.keep_average(epoch + 1, self.count, self.average)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """The average is in its place already."""


def callbacks(folder: RunFolder, completed: int, data: Data) -> list[FinalAverage]:
    """The callback of a run whose settings ask for an average; none otherwise."""
    return [FinalAverage(folder, completed, data)] if "average" in folder.settings else []
