"""A radius by a short search: a few short trainings from the same weights, judged on a holdout."""

import contextlib
import dataclasses
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, TypeAlias

import keras
import numpy as np

from keras_sam import checks, keras_hooks
from keras_sam.model import SAMModel
from keras_sam.schedules import is_constant
from keras_sam.tensors import Nested

Mode: TypeAlias = Literal["min", "max"]
Pair: TypeAlias = tuple[Nested, Nested]  # Inputs and targets.

USUAL = 0.05
TIMES = (0.25, 0.5, 1, 2, 4, 8, 16)  # The model's own radius; of one without any, the usual one.
LOWER_IS_BETTER = ("loss", "error")


@dataclasses.dataclass(frozen=True)
class RhoSearch:
    """What short trainings with several radii came to.

    Args:
        scores: Dictionary from each radius to its score on the holdout, in rising order; the
            score of a training that diverged is not finite.
        monitor: String, what the score is.
        mode: `"min"` or `"max"`: which score is the best.
    """

    scores: dict[float, float]
    monitor: str
    mode: Mode

    @property
    def rho(self) -> float:
        """The radius with the best score; of equal ones the smallest."""
        sign = 1 if self.mode == "min" else -1
        finite = {rho: score for rho, score in self.scores.items() if math.isfinite(score)}
        return min(finite, key=lambda rho: sign * finite[rho])

    @property
    def is_at_end(self) -> bool:
        """Whether the best radius is the smallest or largest tried, so that it may lie beyond."""
        tried = [rho for rho in self.scores if rho > 0]
        return self.rho in (tried[0], tried[-1])


def find_rho(
    model: keras.Model,
    x: Nested,
    y: Nested,
    rhos: Sequence[float] | None = None,
    epochs: int = 5,
    batch_size: int = 32,
    share: float = 1.0,
    validation_split: float = 0.2,
    monitor: str = "val_loss",
    mode: Mode | None = None,
    seed: int = 0,
    verbose: int = 0,
) -> RhoSearch:
    """Trains shortly with each of several radii and with none, and scores them on a holdout.

    Each training starts from the model's present weights and has the same batches. Afterwards the
    model is as it was, its optimizer and its radius too: assign the one that you choose, as in
    `model.rho = found.rho`. A short training favours other radii than a long one where it ends
    before the weights fit the labels: give it as many epochs as you can spare, and the learning
    rate of the long one. Sets Keras's random seed.

    Args:
        model: Compiled `keras_sam.SAMModel` with a constant radius, or a compiled `keras.Model`,
            which is searched for with SAM.
        x: Array, or nested arrays, of shape (examples, ...): inputs.
        y: Array, or nested arrays, of shape (examples, ...): targets.
        rhos: Floats above 0, the radii to try. Defaults to `None`: from a quarter of the model's
            own to 16 times as much, each twice the one before.
        epochs: Positive integer, the length of each training. Defaults to `5`.
        batch_size: Positive integer. Defaults to `32`.
        share: Float in (0, 1], the share of the examples to use. Defaults to `1.0`.
        validation_split: Float in (0, 1), the share of these to hold out. Defaults to `0.2`.
        monitor: Name of a metric of the holdout. Defaults to `"val_loss"`.
        mode: `"min"` or `"max"`, which of its values is the best. Defaults to `None`: `"min"` for
            a loss or an error, `"max"` for others.
        seed: Integer of at least 0: which examples, and their order. Defaults to `0`.
        verbose: Integer of at least 0: 1 prints a line for each radius. Defaults to `0`.

    Returns:
        A `RhoSearch`, whose score at 0 is that of training without any perturbation.

    Raises:
        ValueError: If an argument is outside its range, the model is not compiled or has a
            schedule of the radius, or every training diverged.

    Example:

    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> x = np.ones((20, 4))
    >>> found = keras_sam.find_rho(model, x, x[:, :1], rhos=[0.05, 0.1], epochs=1)
    >>> list(found.scores)
    [0.0, 0.05, 0.1]
    """
    searched = _searched(model)
    epochs = checks.positive_integer("epochs", epochs)
    radii = [0.0, *_radii(searched, rhos)]
    mode = _mode(monitor, mode)
    fitted, held = _parts(x, y, checks.fraction("share", share), validation_split, seed)
    scores = {}
    with _unchanged(searched, fitted) as start_again:
        for rho in radii:
            start_again(rho, seed)
            history = _trained(searched, fitted, held, batch_size, epochs)
            scores[rho] = _last(history, monitor)
            if verbose:
                print(f"rho {rho:g}: {monitor} {scores[rho]:.4g}", flush=True)
    return _checked(RhoSearch(scores, monitor, mode))


def _searched(model: keras.Model) -> SAMModel:
    if not keras_hooks.is_compiled(model):
        raise ValueError(
            "Compile the model first: the search trains with its optimizer, loss and metrics. "
            f"Received: {checks.received(model=model)}"
        )
    searched = model if isinstance(model, SAMModel) else SAMModel(model)
    if not is_constant(searched.method.rho):
        raise ValueError(
            "The radius of the model follows a schedule: build it with a float to search for one. "
            f"Received: {checks.received(rho=searched.method.rho)}"
        )
    return searched


def _radii(model: SAMModel, rhos: Sequence[float] | None) -> list[float]:
    if rhos is None:
        own = float(keras.ops.convert_to_numpy(model.rho)) or USUAL
        return [own * factor for factor in TIMES]
    found = sorted({checks.positive("rhos", rho) for rho in rhos})
    if not found:
        raise ValueError(f"rhos must hold a number above 0. Received: {checks.received(rhos=rhos)}")
    return found


def _mode(monitor: str, mode: Mode | None) -> Mode:
    if mode is None:
        return "min" if monitor.endswith(LOWER_IS_BETTER) else "max"
    return checks.one_of("mode", mode, ("min", "max"))


def _parts(x: Nested, y: Nested, share: float, split: float, seed: int) -> tuple[Pair, Pair]:
    """Random examples to train on, and others to hold out."""
    examples = len(keras.tree.flatten(x)[0])
    order = np.random.default_rng(checks.seed("seed", seed)).permutation(examples)
    used = order[: round(share * examples)]
    number = round(checks.share("validation_split", split) * len(used))
    if not 0 < number < len(used):
        raise ValueError(
            "There must be an example to train on and one to hold out. Received: "
            f"{checks.received(examples=examples, share=share, validation_split=split)}"
        )
    return _taken((x, y), used[number:]), _taken((x, y), used[:number])


def _taken(data: Pair, examples: np.ndarray) -> Pair:
    return keras.tree.map_structure(lambda part: np.asarray(part)[examples], data)


@contextlib.contextmanager
def _unchanged(model: SAMModel, data: Pair) -> Iterator[Callable[[float, int], None]]:
    """Gives what lets the model start again with a radius; leaves it as it was."""
    if not model.built:
        model(keras.tree.map_structure(lambda part: part[:1], data[0]))
    model.make_train_function()  # Makes the method's state.
    model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables]
    before = [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]

    def restore() -> None:
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)

    def start_again(rho: float, seed: int) -> None:
        restore()
        model.rho = rho
        keras.utils.set_random_seed(seed)

    try:
        yield start_again
    finally:
        restore()


def _trained(
    model: SAMModel, fitted: Pair, held: Pair, batch_size: int, epochs: int
) -> dict[str, list[float]]:
    """The history of a training, whose one evaluation is at its end."""
    with warnings.catch_warnings():
        # The scores say the first, and the second is wanted.
        warnings.filterwarnings("ignore", "The training has left|rho was 0")
        return model.fit(
            *fitted,
            batch_size=batch_size,
            epochs=epochs,
            validation_data=held,
            validation_freq=epochs,
            verbose=0,
        ).history


def _last(history: dict[str, list[float]], monitor: str) -> float:
    if monitor not in history:
        held = ", ".join(name for name in history if name.startswith("val_"))
        raise ValueError(
            f"monitor must be a metric of the holdout: {held}. "
            f"Received: {checks.received(monitor=monitor)}"
        )
    return float(history[monitor][-1])


def _checked(found: RhoSearch) -> RhoSearch:
    if not any(map(math.isfinite, found.scores.values())):
        raise ValueError(
            "Every training diverged, without a perturbation too: try a lower learning rate. "
            f"Received: {checks.received(scores=found.scores)}"
        )
    return found
