"""One training, or one short search, of a comparison of ways to a radius."""

import dataclasses
import functools
import time
from typing import Any

import keras
import numpy as np
from _rho_report import PLAIN
from _rho_tasks import TASKS, Task, grid

import keras_sam
from keras_sam import datasets, methods

HELD = 0.2  # Of the training examples, to tune on.


@dataclasses.dataclass(frozen=True)
class Run:
    """One training, or one search: what tells it from every other.

    Args:
        task: String, a key of `TASKS`.
        setting: String, what the task's trainings have in common.
        part: `"test"`, `"holdout"` or `"narrow"`: what it is judged on, or which network; or
            `"search"` or `"norm"`.
        method: String, the name of the method; `"sgd"` is plain training.
        options: Dictionary of the method's options.
        seed: Integer.
    """

    task: str
    setting: str
    part: str
    method: str
    options: dict[str, float]
    seed: int


def trained(run: Run) -> dict[str, Any]:
    """Does what a run says.

    Args:
        run: `Run`.

    Returns:
        Dictionary: `"accuracy"` in percent, or the `"scores"` of a search, or the `"norm"` of the
        initial weights; and `"seconds"` of processor time.
    """
    task = TASKS[run.task]
    keras.utils.clear_session()
    (x, y), test, data = _examples(run)
    keras.utils.set_random_seed(run.seed)
    started = time.process_time()
    network = task.network(data, run.part == "narrow")
    if run.part == "norm":
        weights = [keras.ops.convert_to_numpy(one).ravel() for one in network.trainable_variables]
        return {"norm": float(np.linalg.norm(np.concatenate(weights))), "seconds": 0.0}
    model = _compiled(run, task, data, network, len(y))
    if run.part == "search":
        found = keras_sam.find_rho(model, x, y, grid(run.task), batch_size=task.batch_size)
        outcome: dict[str, Any] = {"scores": found.scores, "rho": found.rho}
    else:
        keras.utils.set_random_seed(run.seed)
        model.fit(x, y, batch_size=task.batch_size, epochs=task.epochs, verbose=0)
        outcome = {"accuracy": 100 * model.evaluate(*test, batch_size=500, verbose=0)[1]}
    return outcome | {"seconds": round(time.process_time() - started, 1)}


@functools.cache
def _loaded(task: str) -> datasets.Dataset:
    return TASKS[task].data()


def _examples(run: Run) -> tuple[Any, Any, datasets.Dataset]:
    """What to train on, with wrong labels, what to judge on, with right ones, and the data set."""
    data = _loaded(run.task)
    if run.part in ("holdout", "narrow"):
        data = datasets.holdout(data, HELD, seed=run.seed)
    data = datasets.with_label_noise(data, TASKS[run.task].wrong, seed=run.seed)
    train, test = (_prepared(data, images) for images in (data.x_train, data.x_test))
    return (train, data.y_train), (test, data.y_test), data


def _prepared(data: datasets.Dataset, images: Any) -> np.ndarray:
    """Images as the networks take them: those that are pretrained scale for themselves."""
    if data.name == "flowers12":
        return np.asarray(images).astype("float32")
    return data.prepare(np.asarray(images))


def _compiled(
    run: Run, task: Task, data: datasets.Dataset, network: keras.Model, examples: int
) -> keras.Model:
    model = network
    if run.method != PLAIN:
        options: dict[str, Any] = dict(run.options)
        if run.method == "mup_sam":
            options["base_model"] = task.network(data, True)
        model = keras_sam.SAMModel(network, method=methods.get(run.method, **options))
    model.compile(
        task.optimizer(task.epochs * -(-examples // task.batch_size)),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=task.jit_compile,
    )
    return model
