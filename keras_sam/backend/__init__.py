"""The one place that knows which backend is active.

Each backend file offers the same names: `value_and_gradient`, `hessian_vector_product`,
`gauss_newton_vector_product`, `compiled`, `cond`, `computed_once`, `random_state`,
`set_random_state`, `num_replicas`, `on_all_devices`, `across_replicas`, `keep_compiled`,
`device_name`, `num_processes`, `process`, `joined`, `told_by_first`, `told_to_all`,
`sharded_part`, `test_step_of`, `is_recorded`, `plain_modules`, `wrapped_modules`,
`neutral_train_step`, `unconverted`, `without_graph` and `TrainStep`.
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
compiled = active.compiled
cond = active.cond
computed_once = active.computed_once
random_state = active.random_state
set_random_state = active.set_random_state
num_replicas = active.num_replicas
num_processes = active.num_processes
process = active.process
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
TrainStep = active.TrainStep


def placed(modules: Any) -> contextlib.AbstractContextManager[None]:
    """Within it modules of the backend's own, if any, have their variables' values."""
    return contextlib.nullcontext() if modules is None else modules.placed()


__all__ = [
    "TRAINABLE_BACKENDS",
    "TrainStep",
    "across_replicas",
    "compiled",
    "computed_once",
    "cond",
    "device_name",
    "gauss_newton_vector_product",
    "hessian_vector_product",
    "is_recorded",
    "joined",
    "keep_compiled",
    "name",
    "neutral_train_step",
    "num_processes",
    "num_replicas",
    "on_all_devices",
    "placed",
    "plain_modules",
    "process",
    "random_state",
    "set_random_state",
    "sharded_part",
    "test_step_of",
    "told_by_first",
    "told_to_all",
    "unconverted",
    "value_and_gradient",
    "without_graph",
    "wrapped_modules",
]
