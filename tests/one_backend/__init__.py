"""Processes of tests, as where one backend is installed: they start in two thirds of the time."""

import os
import pathlib

import keras

COMPILED = "JAX_COMPILATION_CACHE_DIR"
HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]


def environment(backend=None, path=ROOT, **more):
    """The variables of such a process.

    Args:
        backend: Name of its backend. Defaults to the active one.
        path: Folder from which it imports, beside what is installed; `None` for none.
        **more: Variables beside this process's own.
    """
    paths = [HERE] if path is None else [HERE, path]
    # Of two processes one may read what the other is writing.
    ours = {name: value for name, value in os.environ.items() if name != COMPILED}
    return {
        **ours,
        "KERAS_BACKEND": backend or keras.backend.backend(),
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        **more,
    }
