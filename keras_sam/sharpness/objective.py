"""The mean loss over a data set as a function of a model's weights."""

from collections.abc import Callable, Iterator
from typing import Any, Self

import keras
import numpy as np
from keras import ops

from keras_sam import backend, tensors
from keras_sam.masks import Mask
from keras_sam.model import SAMModel
from keras_sam.sharpness import losses
from keras_sam.sharpness.chosen import check_built, chosen_roles
from keras_sam.sharpness.counting import shown
from keras_sam.sharpness.data import Data, as_tensors, data_of
from keras_sam.sharpness.errors import finite
from keras_sam.sharpness.evaluator import Compiled, Evaluator
from keras_sam.sharpness.kept import KeptProducts
from keras_sam.sharpness.losses import ComputeLoss, Loss
from keras_sam.sharpness.vectors import Layout
from keras_sam.tensors import Batch, Nested, Tensor
from keras_sam.training.batches import batch_size as size_of
from keras_sam.training.scope import replayed


class Objective:
    """Mean loss of a model over a whole data set, as a function of its weights.

    The data are streamed in batches, each weighted by its size, so the result does not depend on
    how they are cut; where passes differ, shuffled with `m` or augmented, so does the Hessian from
    product to product. Nothing of the model changes. The weights are read anew at each call:
    during a training the same objective follows them, without another compilation.

    Args:
        model: A built `keras.Model`; of a `SAMModel` the base model is looked at.
        x: Array (examples, …) or nested arrays; or, with `y=None`, a `keras.utils.PyDataset` or
            an iterable of batches `(x, y)` or `(x, y, sample_weight)`.
        y: Array (examples, …) or nested arrays. Defaults to `None`.
        loss: A Keras loss, its name or a function of `(y_true, y_pred)`. Its value for a batch
            must be a mean over the examples, as `reduction="sum_over_batch_size"` makes it; under
            masks Keras divides by the unmasked steps, and batches then count by their sizes all
            the same. Defaults to `None`, the loss that the model was compiled with.
        batch_size: Positive integer, for arrays. Defaults to `128`.
        mask: The variables that are the weights: a name as in `keras_sam.SAMModel`'s methods
            (`"kernels"`, `"biases"`, `"embeddings"`, `"normalization"`), a list of names, or a
            function of a variable. Defaults to `None`, all trainable ones.
        training: Whether layers act as in training: BatchNorm normalises by each batch, and
            Dropout drops the same units at each call. Defaults to `False`.
        sample_weight: Array (examples,). Defaults to `None`.
        additional_losses: Whether regularisers and `add_loss` count. Defaults to `False`.

    Raises:
        ValueError: If the model is not built, the mask leaves no variable, the data set is
            empty, or there is no loss, or none that is a mean. `loss`, `gradient` and products
            raise it where a value is not finite.

    Example:

    >>> from keras_sam import sharpness
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> objective = sharpness.Objective(model, np.ones((8, 2)), np.ones((8, 1)), loss="mse")
    >>> objective.size, objective.gradient().shape
    (3, (3,))
    """

    def __init__(
        self,
        model: keras.Model,
        x: Nested | Data,
        y: Nested | None = None,
        loss: Loss | None = None,
        batch_size: int = 128,
        mask: Mask = None,
        training: bool = False,
        sample_weight: np.ndarray | None = None,
        additional_losses: bool = False,
    ):
        self.model = model.base_model if isinstance(model, SAMModel) else model
        check_built(self.model)
        losses.check_has_loss(model, loss)
        losses.check_is_mean(model, loss)
        self.roles = chosen_roles(self.model, mask)
        self.training = training
        self.additional_losses = additional_losses
        self.data = data_of(x, y, sample_weight, batch_size)
        self.layout = Layout(self.variables)
        self._owner = model  # Which knows the compiled loss.
        self._loss = loss
        self._evaluators: dict[object, Evaluator] = {}  # For other losses, shared by all views.
        self._random_state = backend.random_state()
        if loss is None:
            losses.build(model, next(iter(self.data)))
        compute = losses.loss_function(model, loss, training, additional_losses)
        self._evaluator = self._evaluator_of(compute)

    def _evaluator_of(self, compute: ComputeLoss) -> Evaluator:
        return Evaluator(self.model, compute, self.variables, self.layout, self.training)

    @property
    def variables(self) -> list[keras.Variable]:
        """The chosen `keras.Variable`s, in the order of the model's trainable ones."""
        return [role.variable for role in self.roles]

    @property
    def size(self) -> int:
        """Number of weights."""
        return self.layout.size

    @property
    def dtype(self) -> str:
        """String, the type of the vectors: `"float32"`, or `"float64"` for such weights."""
        return self.layout.dtype

    def weights(self) -> np.ndarray:
        """The weights: array of shape `(size,)`."""
        arrays = [ops.convert_to_numpy(variable.value) for variable in self.variables]
        return self.layout.vector(arrays).astype(self.dtype)

    def loss(self, offset: np.ndarray | None = None) -> float:
        """Mean loss at `weights + offset`, a float.

        Args:
            offset: Array of shape `(size,)`. Defaults to `None`, zeros.
        """
        return self._pass(self._evaluator.loss, offset)[0]

    def losses(self, offset: np.ndarray | None = None) -> np.ndarray:
        """Loss of each batch at `weights + offset`: array of shape `(batches,)`."""
        return self._pass(self._evaluator.loss, offset, each=True)[0]

    def gradient(self, offset: np.ndarray | None = None) -> np.ndarray:
        """Gradient at `weights + offset`: array of shape `(size,)`."""
        return self.loss_and_gradient(offset)[1]

    def loss_and_gradient(self, offset: np.ndarray | None = None) -> tuple[float, np.ndarray]:
        """Loss and gradient at `weights + offset`, from one pass: a float and an array."""
        loss, gradient = self._pass(self._evaluator.gradient, offset)
        return loss, ops.convert_to_numpy(gradient)

    def product(self, vector: Tensor, kind: str = "hessian") -> Tensor:
        """A tensor: the product of a curvature matrix at the weights with a tensor.

        Args:
            vector: Tensor of shape `(size,)`.
            kind: `"hessian"` or `"gauss_newton"`. Defaults to `"hessian"`.
        """
        function = getattr(self._evaluator, f"{kind}_product")
        return self._pass(function, None, vector)[1]

    def hessian_now(self, share: float | None) -> KeptProducts:
        """What multiplies a tensor by the Hessian at the weights of now, whatever becomes of them.

        Args:
            share: As in `keras_sam.sharpness.KeptHessian`.
        """
        # Copies: a training overwrites the values, or gives their memory away.
        place = self._point(None), [ops.copy(value) for value in self._evaluator.others()]

        def at(batch: Batch, room: float) -> Callable[[Tensor], Tensor] | None:
            with replayed(self._random_state):
                return self._evaluator.kept_products(*place, batch, room=room)

        def product(batch: Batch, vector: Tensor) -> Tensor:
            with replayed(self._random_state):
                return self._evaluator.hessian_product(*place, batch, vector)[1]

        return KeptProducts(self.data, at, product, share)

    def batches(self, m: int | None = None, progress: bool = False) -> Iterator[Self]:
        """An objective for each batch, on the same compiled functions.

        Args:
            m: Positive integer, examples a batch; only for arrays. Defaults to `None`, the
                objective's own batches.
            progress: Whether to show a bar, by tqdm. Defaults to `False`.

        Returns:
            An iterator over `Objective`s.
        """
        data = self.data if m is None else self.data.of_size(m)
        for batch in shown(data, progress, "sharpness", "batch"):
            yield self._view(data=[batch])

    def num_examples(self) -> int:
        """Number of examples, an int."""
        return sum(int(size_of(x)) for x, _, _ in self.data)

    def with_loss(self, loss: Loss) -> Self:
        """The same objective for another loss, as in the argument of this name."""
        losses.check_is_mean(self._owner, loss)
        evaluator = self._kept(loss, losses.loss_function, self._owner, loss, self.training, False)
        return self._view(_evaluator=evaluator, additional_losses=False, _loss=loss)

    def takes_logits(self) -> bool | None:
        """Whether the loss is one of logits; `None` where it does not say."""
        found = {losses.takes_logits(part) for part in losses.parts_of(self._owner, self._loss)}
        return found.pop() if len(found) == 1 else None

    @property
    def of_normalized_logits(self) -> Self:
        """The same objective for predictions less their mean and over their norm (2302.07011)."""
        losses.check_of_logits(self._owner, self._loss)
        own = self._evaluator
        return self._view(_evaluator=self._kept(own, losses.of_normalized, own.compute_loss))

    def _kept(self, key: object, make: Callable[..., ComputeLoss], *arguments: Any) -> Evaluator:
        """The evaluator of a loss, made once: another one would be compiled again."""
        if key not in self._evaluators:
            self._evaluators[key] = self._evaluator_of(make(*arguments))
        return self._evaluators[key]

    def _view(self, **attributes: Any) -> Self:
        view = object.__new__(type(self))
        vars(view).update({**vars(self), **attributes})
        return view

    def _point(self, offset: np.ndarray | None) -> Tensor:
        if offset is None:  # Nothing leaves the device.
            return self.layout.flatten(tensors.values(self.variables))
        return ops.convert_to_tensor(self.weights() + np.asarray(offset), dtype=self.dtype)

    def _pass(
        self, function: Compiled, offset: np.ndarray | None, *vectors: Tensor, each: bool = False
    ) -> tuple[Any, Tensor]:
        """Scalar, averaged over the examples or of `each` batch, and mean vector of `function`."""
        point, others = self._point(offset), self._evaluator.others()
        scalars, sizes, total = [], [], None
        for batch in map(as_tensors, self.data):
            with replayed(self._random_state):
                scalar, vector = function(point, others, batch, *vectors)
            size = int(size_of(batch[0]))
            if vector is not None:
                total = vector * size if total is None else total + vector * size
            scalars.append(scalar)
            sizes.append(size)
        values = finite(scalars)
        mean = values if each else float(np.average(values, weights=sizes))
        return mean, None if total is None else total / sum(sizes)
