"""What a training app does at the ends of epochs."""

import math
import time
from typing import Any

import keras
import numpy as np

from keras_sam.experiments import stopping
from keras_sam.experiments.results.files import ends_run
from keras_sam.experiments.results.folder import RunFolder
from keras_sam.experiments.training import losses, shares


class SeedsOfEpoch(keras.callbacks.Callback):
    """Random numbers that depend on the seed and the epoch alone, so that a run can be resumed.

    Checkpoints keep weights, and no generator of numbers: neither a layer's nor the backend's.

    Several processes that train one model draw each for its own examples, but for what the method
    draws, as they perturb the same weights.

    Args:
        seed: Integer, the run's seed.
        process: Integer of at least 0, which of several processes this is. Defaults to `0`.
    """

    def __init__(self, seed: int, process: int = 0) -> None:
        super().__init__()
        self.seed = seed
        self.process = process

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        own, common = self._numbers(epoch, self.process), self._numbers(epoch, 0)
        keras.utils.set_random_seed(int(own.generate_state(1)[0]))
        method = getattr(self.model, "memory", None)
        of_method = {id(variable) for variable in method.variables} if method else set()
        for variable in self.model.non_trainable_variables:
            if variable.path.endswith("seed_generator_state"):
                pair = [numbers.spawn(1)[0] for numbers in (own, common)]
                state = pair[id(variable) in of_method].generate_state(2)
                variable.assign(state.astype(variable.dtype))

    def _numbers(self, epoch: int, process: int) -> np.random.SeedSequence:
        # The keys of batches have no 0 in the second place.
        key = (epoch, 0, 0, process) if process else (epoch, 0)
        return np.random.SeedSequence(self.seed, spawn_key=key)


class StopsBetweenSteps(keras.callbacks.Callback):
    """Ends a training that a signal asks to end, before the next step."""

    # At the end of a step Keras has the logs for its callbacks, and waits for the device.
    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        stopping.check()

    def on_test_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        stopping.check()


class CompletedEpochs(keras.callbacks.Callback):
    """Keeps every completed epoch, so that a run can go on from it; ends a run of NaN."""

    def __init__(self, folder: RunFolder) -> None:
        super().__init__()
        self.folder = folder

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.started = time.perf_counter()

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        # Waits for a device that is still training.
        keras.ops.convert_to_numpy(self.model.optimizer.iterations)
        self.trained = time.perf_counter()

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        self.evaluated = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if not logs or "val_loss" not in logs:  # A pass between two evaluations.
            return
        line = {"epoch": epoch + 1} | losses.reported(logs)
        # The evaluation costs every method the same, and would hide how their steps differ; what
        # other callbacks measure after it is no part of the training at all.
        line["train_seconds"] = round(self.trained - self.started, 6)
        line["seconds"] = round(self.evaluated - self.started, 3)
        with shares.by_itself():
            self.folder.complete_epoch(self.model, line)
        if ends_run(line):
            self.model.stop_training = True


class WarnsAboveChance(keras.callbacks.Callback):
    """Says so if training has made the loss worse than that of a guess, and what to try.

    Args:
        settings: Dictionary of the run's settings.
        num_classes: Integer.
    """

    def __init__(self, settings: dict[str, Any], num_classes: int) -> None:
        super().__init__()
        self.settings = settings
        self.num_classes = num_classes
        self.line = ""

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        # Without a decay that is part of it.
        shown = losses.reported(logs or {"loss": math.nan})
        loss, chance = shown["loss"], math.log(self.num_classes)
        if epoch == 0 and loss > chance and not self.settings["smoke"]:
            self.line = (
                f"The training loss of the first epoch, {loss:.2f}, is above ln {self.num_classes} "
                f"= {chance:.2f}, that of a guess: if it stays there, try {self._advice()}."
            )

    def _advice(self) -> str:
        found = [f"a --learning_rate below {self.settings['learning_rate']:g}"]
        if self.settings["rho"]:
            found.append(f"a --rho below {self.settings['rho']:g}")
        if not self.settings["clipnorm"]:
            found.append("--clipnorm=1")
        if not self.settings["warmup_epochs"]:
            found.append("--warmup_epochs=1")
        return " or ".join(found)

    # Keras's own progress is on the line until the epoch is over.
    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._say()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._say()

    def _say(self) -> None:
        if self.line:
            print(self.line, flush=True)
            self.line = ""
