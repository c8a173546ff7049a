"""What of the data is a process's own where several train one model."""

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any

import keras

from keras_sam import backend
from keras_sam.datasets import Dataset
from keras_sam.datasets.batches import Batches, OrderedBatches
from keras_sam.datasets.images import selected
from keras_sam.experiments import launch
from keras_sam.training.processes import agree


def share() -> tuple[int, int]:
    """Which part of a batch is this process's, counted from 0, and of how many."""
    return launch.process(), launch.processes()


def devices() -> int:
    """Devices that share a batch evenly, as those of JAX have to, in whatever process."""
    return len(keras.distribution.list_devices()) if backend.name == "jax" else 1


def check(settings: dict[str, Any], dataset: Dataset) -> None:
    """Refuses batches that devices or processes cannot share.

    Args:
        settings: Dictionary of a run's settings.
        dataset: The `keras_sam.datasets.Dataset`.

    Raises:
        ValueError: If they cannot.
    """
    batch, tests = min(settings["batch_size"], len(dataset.y_train)), len(dataset.y_test)
    processes = launch.processes()
    if processes == 1 or backend.name == "jax":
        _check_even(devices(), "devices", batch_size=batch, num_test=tests)
        return
    _check_even(processes, "processes", batch_size=batch)
    if tests < processes:
        raise ValueError(
            f"Each of the {processes} processes must have something to test on. "
            f"Received: num_test={tests}"
        )


def _check_even(sharers: int, name: str, **sizes: int) -> None:
    for flag, size in sizes.items():
        if size % sharers:
            raise ValueError(
                f"With --distribute=all {flag} must be a multiple of the {sharers} {name}. "
                f"Received: {flag}={size}"
            )


@contextlib.contextmanager
def by_itself() -> Iterator[None]:
    """Within it a process can make variables that the others do not make, as Keras does to save.

    Those that are there already stay where they are.
    """
    before = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(before)


def with_own_tests(dataset: Dataset) -> Dataset:
    """The data set with this process's share of the test images: each has as many, or one less."""
    position, parts = share()
    if parts == 1:
        return dataset
    first, last = (len(dataset.y_test) * end // parts for end in (position, position + 1))
    own = slice(first, last)
    return dataclasses.replace(
        dataset, x_test=selected(dataset.x_test, own), y_test=dataset.y_test[own]
    )


class MetricsOfAll(keras.callbacks.Callback):
    """Makes the metrics of an epoch and of an evaluation those of all processes.

    They are quotients of a total and a count: with the means of both over the processes they are
    what one process would have found, whatever share each of them has seen.

    Args:
        train_batches: Integer, this process's batches of an epoch.
        test_batches: Integer, those of an evaluation.
    """

    def __init__(self, train_batches: int, test_batches: int) -> None:
        super().__init__()
        self.train_batches = train_batches
        self.test_batches = test_batches

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if batch == self.train_batches - 1:
            agree(self.model.metrics_variables, is_averaged=True)

    def on_test_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if batch == self.test_batches - 1:
            agree(self.model.metrics_variables, is_averaged=True)


def callbacks(batches: Batches, tests: OrderedBatches) -> list[keras.callbacks.Callback]:
    """The callback of one of several processes, with its share of the data; else none.

    On JAX metrics are those of all as they are.
    """
    if backend.num_processes() == 1:
        return []
    return [MetricsOfAll(batches.num_batches, tests.num_batches)]
