"""Curvature matrices of an objective, as what they do to a vector."""

import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from keras_sam import checks
from keras_sam.sharpness.errors import finite
from keras_sam.sharpness.objective import Objective
from keras_sam.sharpness.scipy_parts import LinearOperator
from keras_sam.tensors import Tensor


class Curvature:
    """A symmetric matrix that is known by its products alone.

    A product costs about two to four gradients over the data set and the memory of a few.

    Args:
        objective: A `keras_sam.sharpness.Objective`; its weights are read at each product.
    """

    kind = ""

    def __init__(self, objective: Objective):
        self.objective = objective

    @property
    def shape(self) -> tuple[int, int]:
        """Pair of ints."""
        return (self.objective.size, self.objective.size)

    @property
    def dtype(self) -> np.dtype:
        """`numpy.dtype` of the products."""
        return np.dtype(self.objective.dtype)

    def matvec(self, vector: ArrayLike) -> np.ndarray:
        """The product with `vector`, an array of shape `(size,)`; so is the result."""
        vector = np.asarray(vector, self.dtype).reshape(-1)
        return ops.convert_to_numpy(self.product(ops.convert_to_tensor(vector)))

    def product(self, vector: Tensor) -> Tensor:
        """The product with a tensor, as a tensor: nothing leaves the device."""
        return self.objective.product(vector, self.kind)

    def as_linear_operator(self) -> LinearOperator:
        """The same as a `scipy.sparse.linalg.LinearOperator`."""
        return LinearOperator(self.shape, self.matvec, rmatvec=self.matvec, dtype=self.dtype)


class Hessian(Curvature):
    """The matrix of second derivatives of an objective.

    Args:
        objective: A `keras_sam.sharpness.Objective`; its weights are read at each product.

    Example:

    >>> from keras_sam import sharpness
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    >>> objective = sharpness.Objective(model, np.ones((8, 1)), np.ones((8, 1)), loss="mse")
    >>> sharpness.Hessian(objective).matvec([1.0])
    array([2.], dtype=float32)
    """

    kind = "hessian"


class KeptHessian(Hessian):
    """The Hessian at the weights of now, which keeps of the batches what their products share.

    Of a kept batch nothing of the forward pass and of the gradient is computed again. The batches
    are kept one after the other as long as what they take fits into a share of the memory that was
    free before, on a GPU of the GPU's; products of the rest are those of `Hessian`. Where nobody
    says how much memory is free (macOS, Windows, TensorFlow on a GPU), no batch is kept. Weights
    that change later change nothing here.

    Args:
        objective: A `keras_sam.sharpness.Objective`; its weights are read once.
        share: Number of at least 0 and below 1, or `None` to keep all batches, whatever they take.
            Defaults to `0.5`.

    Attributes:
        num_kept: Integer, how many batches are kept.

    Raises:
        ValueError: If `share` is outside its range, or a product is not finite.

    Example:

    >>> from keras_sam import sharpness
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    >>> objective = sharpness.Objective(model, np.ones((8, 1)), np.ones((8, 1)), loss="mse")
    >>> hessian = sharpness.KeptHessian(objective)
    >>> sharpness.spectral_density(hessian, steps=1, starts=2).moment(1).value
    2.0
    """

    def __init__(self, objective: Objective, share: float | None = 0.5):
        super().__init__(objective)
        self._multiply = objective.hessian_now(
            share if share is None else checks.share("share", share)
        )
        self.num_kept = self._multiply.num_kept

    def product(self, vector: Tensor) -> Tensor:
        """The product with a tensor, as a tensor: nothing leaves the device."""
        product = self._multiply(vector)
        finite([ops.vdot(vector, product)])
        return product


class GaussNewton(Curvature):
    """J'HJ of the Jacobian J of the predictions and the Hessian H of the loss by these.

    Positive semi-definite where the loss is convex in the predictions, as cross-entropy is in
    logits. The split is at the model's output: a softmax inside the model belongs to J.

    Args:
        objective: A `keras_sam.sharpness.Objective` without additional losses, as these are no
            functions of the predictions.

    Raises:
        ValueError: If the objective has additional losses.

    Example:

    >>> from keras_sam import sharpness
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    >>> objective = sharpness.Objective(model, np.ones((8, 1)), np.ones((8, 1)), loss="mse")
    >>> sharpness.GaussNewton(objective).matvec([1.0])
    array([2.], dtype=float32)
    """

    kind = "gauss_newton"

    def __init__(self, objective: Objective):
        if objective.additional_losses:
            raise ValueError(
                "GaussNewton needs a loss of the predictions alone. "
                "Received: an objective with additional_losses=True"
            )
        super().__init__(objective)
