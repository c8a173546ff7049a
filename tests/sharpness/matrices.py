"""Symmetric matrices with a known spectrum, seen only by their products."""

import numpy as np
from keras import ops


class Matrix:
    """An operator around a dense array.

    Args:
        dense: Array (n, n).
    """

    def __init__(self, dense):
        self.dense = np.asarray(dense)
        self.shape = self.dense.shape
        self.dtype = self.dense.dtype
        self.products = 0

    def matvec(self, vector):
        self.products += 1
        return self.dense @ vector

    def product(self, vector):
        return ops.matmul(ops.convert_to_tensor(self.dense), vector)


def with_spectrum(values, seed=0, dtype="float64"):
    """A `Matrix` with these eigenvalues and random eigenvectors."""
    size = len(values)
    rotation = np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))[0]
    return Matrix(((rotation * np.asarray(values)) @ rotation.T).astype(dtype))
