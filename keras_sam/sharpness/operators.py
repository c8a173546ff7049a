"""Curvature matrices of an objective, as what they do to a vector."""

import numpy as np
from keras import ops
from numpy.typing import ArrayLike

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
