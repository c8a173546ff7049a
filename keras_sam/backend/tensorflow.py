"""Gradients and the train step on TensorFlow."""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from keras import ops
from tensorflow.python.eager import record

from keras_sam.backend.displacement import displace
from keras_sam.backend.one_process import (  # noqa: F401  (To be had here.)
    is_shared,
    joined,
    num_processes,
    own_parts,
    process,
    sharded_part,
    told_by_first,
    told_to_all,
)
from keras_sam.backend.tensorflow_curvature import (  # noqa: F401  (To be had here.)
    densified,
    gauss_newton_vector_product,
    hessian_at,
    hessian_vector_product,
    kept_products,
)
from keras_sam.backend.tensorflow_kernels import fused_kernels  # noqa: F401  (To be had here.)
from keras_sam.backend.types import Function, Gradients, ModelMixin, Nested, Tensor
from keras_sam.backend.unrolled import repeated  # noqa: F401  (To be had here.)
from keras_sam.backend.vectors import (  # noqa: F401  (To be had here.)
    added,
    multiplied,
    scaled,
    sums,
)


def value_and_gradient(
    function: Callable[..., Any], tensors: list[Tensor]
) -> tuple[Tensor, Any, Gradients]:
    """See `keras_sam.backend.jax.value_and_gradient`."""
    tensors = [tf.convert_to_tensor(tensor) for tensor in tensors]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(tensors)
        value, auxiliary = function(tensors)
    return value, auxiliary, densified(tape.gradient(value, tensors))


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """See `keras_sam.backend.jax.compiled`."""
    return tf.function(function)


def free_memory() -> int | None:
    """See `keras_sam.backend.jax.free_memory`; TensorFlow does not say what an accelerator has."""
    kinds = {device.device_type for device in tf.config.list_logical_devices()}
    return None if kinds == {"CPU"} else 0


def cond(predicate: Tensor, if_true: Callable[[], Any], if_false: Callable[[], Any]) -> Any:
    """See `keras_sam.backend.jax.cond`."""
    return ops.cond(predicate, if_true, if_false)


def runs_one_branch() -> bool:
    """See `keras_sam.backend.jax.runs_one_branch`; a graph has both as well."""
    return False


def computed_once(tensor: Tensor) -> Tensor:
    """See `keras_sam.backend.jax.computed_once`; nothing to do here."""
    return tensor


def once_known(tensor: Tensor, others: list[Tensor]) -> Tensor:
    """See `keras_sam.backend.jax.once_known`."""
    with tf.control_dependencies(others):
        return tf.identity(tensor)


def random_state() -> Any:
    """State of any generator outside Keras's seed variables: none on TensorFlow."""
    return None


def set_random_state(state: Any) -> None:
    """Counterpart of `random_state`."""
    del state


def num_replicas() -> int:
    """Factor by which Keras has divided the loss under a distribution strategy."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def across_replicas(tensors: list[Tensor], is_averaged: Sequence[bool]) -> list[Tensor]:
    """See `keras_sam.backend.jax.across_replicas`."""
    replicas = num_replicas()
    if replicas == 1 or not tensors:
        return tensors
    context = tf.distribute.get_replica_context()
    is_first = context.replica_id_in_sync_group == 0
    shares = [
        tensor * tf.cast(1 / replicas if averaged else is_first, tensor.dtype)
        for tensor, averaged in zip(tensors, is_averaged)
    ]
    return context.all_reduce(tf.distribute.ReduceOp.SUM, shares)


def test_step_of(base_model: keras.Model, model: keras.Model, data: Nested) -> dict[str, Any]:
    """See `keras_sam.backend.jax.test_step_of`; here a step finds its variables by itself."""
    del model
    return base_model.test_step(data)


def without_graph() -> contextlib.AbstractContextManager[Any]:
    """See `keras_sam.backend.jax.without_graph`."""
    return contextlib.nullcontext()


def unconverted(function: Function) -> Function:
    """See `keras_sam.backend.jax.unconverted`."""
    return tf.autograph.experimental.do_not_convert(function)


def is_recorded() -> bool:
    """See `keras_sam.backend.jax.is_recorded`."""
    return record.could_possibly_record()


def plain_modules(parts: Sequence[Any]) -> None:
    """See `keras_sam.backend.jax.plain_modules`; none on TensorFlow."""
    del parts


def wrapped_modules(layers: Sequence[keras.layers.Layer], to_place: bool = True) -> None:
    """See `keras_sam.backend.jax.wrapped_modules`; none on TensorFlow."""
    del layers, to_place


def neutral_train_step(function: Function) -> Function:
    """See `keras_sam.neutral_train_step`; Keras calls it so already."""
    return function


class TrainStep(ModelMixin):
    """The `train_step` of Keras's TensorFlow trainer around `compute_update`."""

    def train_step(self, data: Nested) -> dict[str, Any]:
        # Without a strategy Keras lets the first call build the model; this one looks at the
        # model through a stateless scope, where variables cannot be made.
        if not self.is_ready:
            self.make_variables(data)
        if not self.trainable_variables:  # Keras says so.
            return super().train_step(data)
        outcome, logs = self.compute_update(data)
        update = outcome.gradients, outcome.displacement
        if outcome.is_made is True:
            self._move(*update)
        else:
            _only_if(outcome.is_made, self._move, update)
        return logs

    def _move(self, gradients, displacement):
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        displace(self.trainable_variables, displacement)


def _only_if(predicate, update, arguments):
    """Makes an update of the variables, or none, on all replicas alike.

    An optimizer asks the other replicas, which TensorFlow forbids in a branch of one replica's
    own: they decide together, and each makes its part of the update in the branch.
    """
    if num_replicas() == 1:
        ops.cond(predicate, lambda: update(*arguments), lambda: None)
        return

    def together(strategy, predicate, *arguments):
        def everywhere():
            strategy.extended.call_for_each_replica(update, args=arguments)

        ops.cond(strategy.experimental_local_results(predicate)[0], everywhere, lambda: None)

    tf.distribute.get_replica_context().merge_call(together, args=(predicate, *arguments))


def on_all_devices() -> contextlib.AbstractContextManager[Any]:
    """See `keras_sam.backend.jax.on_all_devices`."""
    return tf.distribute.MirroredStrategy().scope()


def device_name() -> str:
    """See `keras_sam.backend.jax.device_name`."""
    for accelerator in tf.config.list_physical_devices("GPU"):
        return tf.config.experimental.get_device_details(accelerator).get("device_name", "gpu")
    return "cpu"


def keep_compiled(folder: Path) -> None:
    """See `keras_sam.backend.jax.keep_compiled`; nothing here can be kept."""
