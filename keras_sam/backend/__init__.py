"""The one place that knows which backend is active.

Each backend file offers the same names: `value_and_gradient`, `hessian_vector_product`,
`gauss_newton_vector_product`, `hessian_at`, `compiled`, `kept_products`, `free_memory`, `cond`,
`repeated`, `runs_one_branch`, `computed_once`, `once_known`, `random_state`, `set_random_state`,
`num_replicas`, `on_all_devices`, `across_replicas`, `keep_compiled`, `device_name`,
`num_processes`, `process`, `is_shared`, `joined`, `told_by_first`, `told_to_all`, `own_parts`,
`sharded_part`, `test_step_of`, `is_recorded`, `plain_modules`, `wrapped_modules`,
`neutral_train_step`, `unconverted`, `without_graph`, `fused_kernels`, `added`, `multiplied`,
`scaled`, `sums` and `TrainStep`.
"""

import contextlib
import importlib
from typing import Any

import keras

TRAINABLE_BACKENDS = ("jax", "tensorflow", "torch")

name = keras.backend.backend()

if name not in TRAINABLE_BACKENDS:
    raise ImportError(
        f"keras_sam trains on the Keras backends {', '.join(TRAINABLE_BACKENDS)}; the active "
        "one cannot train. Set the environment variable KERAS_BACKEND to one of these before "
        f"importing keras. Received: KERAS_BACKEND={name}"
    )

active = importlib.import_module(f"keras_sam.backend.{name}")

value_and_gradient = active.value_and_gradient
hessian_vector_product = active.hessian_vector_product
gauss_newton_vector_product = active.gauss_newton_vector_product
hessian_at = active.hessian_at
compiled = active.compiled
kept_products = active.kept_products
free_memory = active.free_memory
cond = active.cond
repeated = active.repeated
runs_one_branch = active.runs_one_branch
computed_once = active.computed_once
once_known = active.once_known
random_state = active.random_state
set_random_state = active.set_random_state
num_replicas = active.num_replicas
num_processes = active.num_processes
process = active.process
is_shared = active.is_shared
own_parts = active.own_parts
joined = active.joined
told_by_first = active.told_by_first
told_to_all = active.told_to_all
sharded_part = active.sharded_part
on_all_devices = active.on_all_devices
across_replicas = active.across_replicas
keep_compiled = active.keep_compiled
device_name = active.device_name
test_step_of = active.test_step_of
is_recorded = active.is_recorded
plain_modules = active.plain_modules
wrapped_modules = active.wrapped_modules
neutral_train_step = active.neutral_train_step
unconverted = active.unconverted
without_graph = active.without_graph
added = active.added
multiplied = active.multiplied
scaled = active.scaled
sums = active.sums
TrainStep = active.TrainStep


_uses_fused_kernels = True


def use_fused_kernels(enabled: bool = True) -> None:
    """Chooses whether layers run on the backend's fused kernels while keras_sam makes a pass.

    They are on from the start. BatchNormalization takes one kernel, on TensorFlow where it
    normalizes images channels last; on PyTorch GroupNormalization does as well, and images stay
    as they lie in memory. Numbers are those of Keras but for rounding; switched off, a step at
    `rho=0` equals plain Keras to the last bit. Does nothing on JAX, where XLA fuses by itself, and
    nothing to what PyTorch's compiler has compiled.

    Args:
        enabled: Bool. Defaults to `True`.

    Example:

    >>> keras_sam.use_fused_kernels(False)
    >>> keras_sam.use_fused_kernels()
    """
    global _uses_fused_kernels
    _uses_fused_kernels = enabled


def fused_kernels() -> contextlib.AbstractContextManager[Any]:
    """A block in which layers run on the backend's fused kernels, if they are wanted."""
    return active.fused_kernels() if _uses_fused_kernels else contextlib.nullcontext()


def placed(modules: Any) -> contextlib.AbstractContextManager[None]:
    """Within it modules of the backend's own, if any, have their variables' values."""
    return contextlib.nullcontext() if modules is None else modules.placed()


__all__ = [
    "TRAINABLE_BACKENDS",
    "TrainStep",
    "across_replicas",
    "added",
    "compiled",
    "computed_once",
    "cond",
    "device_name",
    "free_memory",
    "fused_kernels",
    "gauss_newton_vector_product",
    "hessian_at",
    "hessian_vector_product",
    "is_recorded",
    "is_shared",
    "joined",
    "keep_compiled",
    "kept_products",
    "multiplied",
    "name",
    "neutral_train_step",
    "num_processes",
    "num_replicas",
    "on_all_devices",
    "once_known",
    "own_parts",
    "placed",
    "plain_modules",
    "process",
    "random_state",
    "repeated",
    "runs_one_branch",
    "scaled",
    "set_random_state",
    "sharded_part",
    "sums",
    "test_step_of",
    "told_by_first",
    "told_to_all",
    "unconverted",
    "use_fused_kernels",
    "value_and_gradient",
    "without_graph",
    "wrapped_modules",
]
