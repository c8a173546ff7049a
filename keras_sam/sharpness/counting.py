"""Long work, counted and shown."""

import operator

import numpy as np

from keras_sam.datasets.extras import import_extra


class Counter:
    """A symmetric matrix that counts its products, with a progress bar if wanted.

    Args:
        operator: What has `shape`, `dtype` and `matvec`.
        progress: Whether to show a bar.
        label: String, what the bar says.
        total: Int, the most products there will be. Defaults to `None`, not known.
    """

    def __init__(self, operator, progress, label, total=None):
        self.operator = operator
        self.products = 0
        self._bar = None
        if progress:
            self._bar = _tqdm()(total=total, desc=label, unit="product")

    @property
    def size(self):
        """Number of rows."""
        return self.operator.shape[0]

    @property
    def dtype(self):
        """Type of the vectors, a floating one also where the matrix is of integers."""
        return np.result_type(self.operator.dtype, np.float32)

    def matvec(self, vector):
        """The product with an array."""
        return self._counted(self.operator.matvec, vector)

    def product(self, vector):
        """The product with a tensor."""
        return self._counted(self.operator.product, vector)

    def _counted(self, function, vector):
        self.products += 1
        if self._bar is not None:
            self._bar.update()
        return function(vector)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self._bar is not None:
            self._bar.close()


def shown(steps, progress, label, unit, total=None):
    """`steps`, with a progress bar if wanted.

    Args:
        steps: Iterable.
        progress: Whether to show a bar.
        label: String, what the bar says.
        unit: String, what a step is.
        total: Int, the number of steps, or 0 if not known. Defaults to `None`, as `steps` says.
    """
    if not progress:
        return steps
    total = operator.length_hint(steps) if total is None else total
    return _tqdm()(steps, label, total or None, unit=unit)


def _tqdm():
    return import_extra("tqdm", "tqdm", "sharpness").tqdm
