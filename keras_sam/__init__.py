"""Sharpness-aware minimization for every Keras model, on JAX, TensorFlow and PyTorch."""

import importlib as _importlib
from typing import Any as _Any

try:
    import keras as _keras  # noqa: F401
except (ImportError, ValueError) as error:  # Without the backend that KERAS_BACKEND names.
    _error = error

    def __getattr__(name: str) -> _Any:
        # Only now: the help of the apps and a report of finished runs need no backend.
        if name.startswith("_"):
            raise AttributeError(name)
        raise ImportError(
            "Keras finds no backend: install jax, tensorflow or torch, and name the installed one "
            f"with the variable KERAS_BACKEND. Received: {_error}",
            name=getattr(_error, "name", None),
        ) from _error
else:
    from keras_sam import ascent, callbacks, datasets, descent, methods, models, policy, schedules
    from keras_sam.backend import use_fused_kernels
    from keras_sam.model import SAMModel
    from keras_sam.own_loops.neutral import neutral_train_step
    from keras_sam.own_loops.sam_step import SAMStep
    from keras_sam.rho_search import find_rho

    def __getattr__(name: str) -> _Any:
        # With SciPy, or more than a training needs: only where it is asked for.
        if name not in ("federated", "sharpness"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return _importlib.import_module(f"{__name__}.{name}")


def __dir__() -> list[str]:
    return __all__


__version__ = "1.0.0rc1"

__all__ = [
    "SAMModel",
    "SAMStep",
    "__version__",
    "ascent",
    "callbacks",
    "datasets",
    "descent",
    "federated",
    "find_rho",
    "methods",
    "models",
    "neutral_train_step",
    "policy",
    "schedules",
    "sharpness",
    "use_fused_kernels",
]
