"""What the package takes of SciPy, with a hint where that is missing."""

from keras_sam.checks import import_extra

_linalg = import_extra("scipy.linalg", "SciPy", "sharpness")
_optimize = import_extra("scipy.optimize", "SciPy", "sharpness")
_sparse = import_extra("scipy.sparse.linalg", "SciPy", "sharpness")

ArpackNoConvergence = _sparse.ArpackNoConvergence
LinearOperator = _sparse.LinearOperator
brentq = _optimize.brentq
eigh_tridiagonal = _linalg.eigh_tridiagonal
eigsh = _sparse.eigsh
