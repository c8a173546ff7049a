"""Ends the training of a point early that lags behind the points before it."""

from collections.abc import Callable
from typing import Any

import keras

from keras_sam.experiments.results.files import has_diverged
from keras_sam.experiments.results.folder import RunFolder
from keras_sam.experiments.training.planning import Comparison

PATIENCE = 0.25  # Share of the epochs in which a slow start does not count.


class Pruned(BaseException):
    """A training was ended early; no error of a run, and so no `Exception`."""


class Judged(RunFolder):
    """The folder of a run that ends where it lags behind others.

    Args:
        folder: The `RunFolder`.
        lags: Function of a held-out accuracy and its epoch: whether that is too little.
    """

    def __init__(self, folder: RunFolder, lags: Callable[[float, int], bool]) -> None:
        super().__init__(folder.path, folder.settings)
        self._lags = lags

    def complete_epoch(self, model: keras.Model, line: dict[str, Any]) -> None:
        """Keeps the epoch, and ends the run if it lags behind.

        Raises:
            Pruned: If it does.
        """
        super().complete_epoch(model, line)
        epoch, epochs = line["epoch"], self.settings["epochs"]
        is_judged = PATIENCE * epochs <= epoch < epochs and not has_diverged(line)
        if is_judged and self._lags(line["val_accuracy"], epoch):
            raise Pruned


def judge_first(comparison: Comparison, lags: Callable[[float, int], bool]) -> None:
    """Has the first run of a comparison judged; a point that passes is trained on all its seeds.

    Args:
        comparison: The `Comparison`, of one method.
        lags: As of `Judged`.
    """
    for runs in comparison.runs.values():
        runs[0] = Judged(runs[0], lags)
