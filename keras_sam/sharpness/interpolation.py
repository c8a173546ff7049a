"""The loss on the line between two models."""

import keras
import numpy as np
from keras import ops

from keras_sam import checks, tensors
from keras_sam.model import SAMModel
from keras_sam.sharpness.counting import shown
from keras_sam.sharpness.landscape import Landscape, finite_loss
from keras_sam.sharpness.objective import Objective
from keras_sam.tensors import Tensor
from keras_sam.training.scope import Scope


def interpolation(
    objective: Objective,
    model: keras.Model,
    start: float = 0.0,
    stop: float = 1.0,
    points: int = 51,
    progress: bool = False,
) -> Landscape:
    """The loss on the straight line from an objective's model to another one.

    All weights go along, whatever the objective's mask; so do BatchNorm's statistics, which
    stay those of the nearer model beyond the two.

    Reference:
        Goodfellow et al., Qualitatively Characterizing Neural Network Optimization Problems,
        ICLR 2015 (https://arxiv.org/abs/1412.6544).

    Args:
        objective: A `keras_sam.sharpness.Objective`, whose model is where the share is 0.
        model: The built `keras.Model` of the same architecture where the share is 1.
        start: Float, the first share. Defaults to `0.0`.
        stop: Float above `start`, the last one. Defaults to `1.0`.
        points: Integer of at least 2. Defaults to `51`.
        progress: Whether to show a progress bar. Defaults to `False`.

    Returns:
        A `Landscape`.

    Raises:
        ValueError: If the models differ in the shapes of their weights, an argument is outside
            its range, or the loss of the first model is not finite.

    Example:

    >>> from keras_sam import sharpness
    >>> models = [keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]) for _ in range(2)]
    >>> objective = sharpness.Objective(models[0], np.ones((8, 2)), np.ones((8, 1)), loss="mse")
    >>> sharpness.interpolation(objective, models[1], points=11).losses.shape
    (11,)
    """
    if not checks.number("start", start) < checks.number("stop", stop):
        raise ValueError(f"start must be below stop. Received: start={start}, stop={stop}")
    if checks.positive_integer("points", points) < 2:
        raise ValueError(f"A line needs two points at least. Received: points={points}")
    other = model.base_model if isinstance(model, SAMModel) else model
    objective.loss()  # What can go wrong at the weights does so here, and is no hole.
    line = _Line(objective, _paired(objective.model, other))
    shares = np.linspace(start, stop, points)
    losses = [line.loss(share) for share in shown(shares, progress, "interpolation", "point")]
    return Landscape(np.array(losses), (shares,), ("share of the second model",))


class _Line:
    """From the weights of one model to those of another.

    Args:
        objective: The `Objective` of the first.
        pairs: List of `(variable, tensor)`, each weight and where it leads.
    """

    def __init__(self, objective: Objective, pairs: list[tuple[keras.Variable, Tensor]]):
        self.objective = objective
        chosen = {id(variable): tensor for variable, tensor in pairs}
        ends = [ops.convert_to_numpy(chosen[id(v)]) for v in objective.variables]
        self._offset = objective.layout.vector(ends).astype(objective.dtype) - objective.weights()
        inside = {id(variable) for variable in objective.variables}
        self._rest = [pair for pair in pairs if id(pair[0]) not in inside]

    def loss(self, share: float) -> float:
        """The loss at a share of the way."""
        variables = [variable for variable, _ in self._rest]
        with Scope() as scope:
            ends = [tensor for _, tensor in self._rest]
            scope.place(variables, [_mixed(*pair, share) for pair in zip(variables, ends)])
            return finite_loss(self.objective, share * self._offset)


def _mixed(variable: keras.Variable, end: Tensor, share: float) -> Tensor:
    if not variable.trainable:
        share = min(max(share, 0.0), 1.0)  # A variance must not become negative.
    return ops.cast((1 - share) * variable.value + share * end, variable.dtype)


def _paired(model: keras.Model, other: keras.Model) -> list[tuple[keras.Variable, Tensor]]:
    shapes = [[tuple(v.shape) for v in part.weights] for part in (model, other)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            "Interpolation needs two models of the same architecture, built. Received: "
            f"{model.name!r} with {len(shapes[0])} weights and {other.name!r} with "
            f"{len(shapes[1])}, or of other shapes"
        )
    return list(zip(model.weights, tensors.values(other.weights), strict=True))
